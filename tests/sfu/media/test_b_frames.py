"""A publisher with B-frames on a running node: what viewers get, what is told, and how Chromium likes it."""

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import async_playwright

from sfu.negotiation import Negotiated
from sfu.plane.session import MediaSession
from sfu.sdp.answer import ViewerSsrcs, answer_play
from sfu.sdp.offer import Offer, parse_offer
from shared.grants import Action
from tests.browser.chromium import FLAGS, executable
from tests.peers.clips import h264
from tests.peers.clips.reordered import clip_of, encode
from tests.peers.clips.stamps import table
from tests.sfu.media_harness import STREAM, Stage, TestPublisher, grant, stage
from tests.sfu.plane.test_plane import until

PLAIN = "bframes=2:b-pyramid=none:b-adapt=0:keyint=30"
PYRAMID = "bframes=3:b-pyramid=normal:b-adapt=0:keyint=30"


async def publish(run: Stage, options: str) -> TestPublisher:
    """A publisher that sends two seconds of such a stream, round and round."""
    run.clip = clip_of(encode("H264", options, frames=60))
    run.stamps = table(run.clip)
    return await run.publisher(kinds=("video",))


def session_of(publisher: TestPublisher) -> MediaSession:
    """Its session on the node."""
    assert publisher.ways.session is not None
    return publisher.ways.session


def slices(data: bytes) -> bool:
    """Whether a payload carries a piece of a picture, and not only a description."""
    return data[0] & 31 in (1, 5, h264.FU_A)


async def test_viewers_get_the_pictures_that_are_in_order_without_a_gap_and_the_owner_is_told() -> None:
    """Two of three pictures are left out; the numbers close up behind them."""
    async with stage() as run:
        publisher = await publish(run, PLAIN)
        viewer = await run.viewer(kinds=("video",))
        await asyncio.wait_for(viewer.picture, 3)
        changes = run.changes
        await asyncio.sleep(2.2)
        counts = viewer.counts()

        assert (counts.gaps, counts.altered) == (0, 0)
        sent = sum(slices(payload.data) and payload.ahead >= 0 for payload in run.clip.payloads)
        assert 0.7 * sent < counts.packets < 1.8 * sent
        state = session_of(publisher).state(time.monotonic())
        assert [problem["code"] for problem in state["problems"]] == ["B_FRAMES"]
        (report,) = run.plane.streams()
        assert report.problems == ("B_FRAMES",)
        assert not run.ended
        assert run.changes <= changes + 2


async def test_a_publisher_hears_of_it_at_once() -> None:
    """The node tells the control plane without waiting for its next heartbeat."""
    async with stage() as run:
        await publish(run, PLAIN)
        before = run.changes
        await until(lambda: run.plane.streams()[0].problems == ("B_FRAMES",), 2)
        await until(lambda: run.changes > before, 0.5)


async def test_a_stream_that_cannot_be_put_in_order_ends_for_its_b_frames() -> None:
    """At once: what others refer to can neither be left out nor be decoded."""
    async with stage() as run:
        publisher = await publish(run, PYRAMID)
        await until(lambda: bool(run.ended), 3)

        assert [(end.action, end.reason) for end in run.ended] == [("publish", "b_frames")]
        state = session_of(publisher).state(time.monotonic())
        assert state["ended"] == "b_frames"
        assert [problem["code"] for problem in state["problems"]] == ["B_FRAMES"]


async def test_a_high_profile_without_b_pictures_is_no_problem() -> None:
    """Every picture reaches the viewer."""
    async with stage() as run:
        publisher = await publish(run, "bframes=0:keyint=30")
        viewer = await run.viewer(kinds=("video",))
        await asyncio.wait_for(viewer.picture, 3)
        await asyncio.sleep(1)

        assert viewer.counts().gaps == 0
        assert session_of(publisher).state(time.monotonic())["problems"] == []


WATCH = """
async () => {
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver('video', {direction: 'recvonly'});
  const video = window.video = document.createElement('video');
  video.muted = true;
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; video.play(); };
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}
"""
DECODED = """
async () => {
  for (const one of (await window.pc.getStats()).values()) {
    if (one.type === 'inbound-rtp') return [one.framesReceived, one.framesDecoded, one.freezeCount, one.pliCount];
  }
  return [0, 0, 0, 0];
}
"""


@pytest.mark.browser
async def test_chromium_decodes_every_picture_that_is_left() -> None:
    """Of a stream with two B pictures between each two others, which it does not decode as it is."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    async with stage() as run, async_playwright() as playwright:
        await publish(run, PLAIN)
        await until(lambda: run.plane.source(STREAM) is not None, 2)
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        try:
            page = await browser.new_page()
            answer = play(run, await page.evaluate(WATCH))
            await page.evaluate("(sdp) => window.pc.setRemoteDescription({type: 'answer', sdp})", answer)
            await page.wait_for_function("() => window.video.videoWidth === 192", timeout=5000)
            before: Any = await page.evaluate(DECODED)
            await asyncio.sleep(3)
            after: Any = await page.evaluate(DECODED)
        finally:
            await browser.close()
    received, decoded = after[0] - before[0], after[1] - before[1]
    assert received >= 25, "ten pictures a second are left"
    assert decoded >= received - 2
    assert after[3] == before[3], "it asked for keyframes"


def play(run: Stage, text: str) -> str:
    """The node's answer to a viewer's offer."""
    offer = parse_offer(text)
    assert isinstance(offer, Offer)
    source = run.plane.source(STREAM)
    assert source is not None
    credentials = run.plane.new_credentials()
    negotiated = answer_play(offer, source, run.plane.local, credentials, ViewerSsrcs(1, 2, 3, 4), STREAM)
    assert isinstance(negotiated, Negotiated), negotiated
    assert isinstance(run.plane.play(grant(Action.PLAY), negotiated, time.time()), MediaSession)
    return negotiated.answer
