"""A real Chromium joins in the middle of a group, whatever the encoder does with its parameter sets, and takes a replay."""

import asyncio
import base64
import dataclasses
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from sfu.media.track_viewers import UNDERWAY
from sfu.negotiation import Codec, Negotiated
from sfu.plane.viewer import Viewer
from sfu.sdp.answer import ViewerSsrcs, answer_play
from sfu.sdp.offer import Offer, parse_offer
from shared.grants import Action
from tests.browser.chromium import FLAGS, executable
from tests.peers.clips import clip, h264
from tests.peers.clips.stamps import table
from tests.sfu.media_harness import STREAM, Stage, grant, stage
from tests.sfu.plane.test_plane import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

RECIPE = clip.Recipe(seconds=8, gop_seconds=8.0, video_kbps=800, width=320, height=192)

OFFER = """
async () => {
  const pc = window.pc = new RTCPeerConnection();
  const video = window.video = document.createElement('video');
  video.muted = true;
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; video.play(); };
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}
"""
WATCH = """
async (sdp) => {
  const began = performance.now();
  const shown = new Promise((resolve) => window.video.requestVideoFrameCallback(resolve));
  await window.pc.setRemoteDescription({type: 'answer', sdp});
  await shown;
  return performance.now() - began;
}
"""
STATS = """
async () => {
  for (const one of (await window.pc.getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === 'video') return one;
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One Chromium for the module: its start takes longer than a test."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of its own."""
    page = await chromium.new_page()
    yield page
    await page.close()


def rewritten(whole: clip.Clip, habit: str) -> tuple[clip.Clip, list[bytes]]:
    """The clip as another encoder sends it, and its parameter sets."""
    opening = whole.payloads[0].data
    units = h264.Depacketiser().push(opening)
    sets = [unit for unit in units if unit[0] & 31 in (h264.SPS, h264.PPS)]
    rest = [unit for unit in units if unit not in sets]
    payloads: list[clip.Payload] = []
    for payload in whole.payloads:
        first = payload.kind == "video" and (not payloads or payloads[-1].frame != payload.frame or payload.number == 0)
        if habit == "before every picture" and first and payload.data != opening:
            payloads += [dataclasses.replace(payload, data=unit, marker=False) for unit in sets]
        if payload.data != opening:
            payloads.append(payload)
            continue
        if habit == "early, with markers":
            early = payload.at - 0.002
            payloads += [dataclasses.replace(payload, data=unit, marker=True, at=early) for unit in sets]
        elif habit == "before every picture":
            payloads.append(payload)
            continue
        payloads += [dataclasses.replace(payload, data=unit) for unit in rest]
    return dataclasses.replace(whole, payloads=tuple(payloads)), sets


async def watch(run: Stage, page: Page) -> tuple[Viewer, float]:
    """Chromium joins; its session, and the seconds to its first picture."""
    offer = parse_offer(await page.evaluate(OFFER))
    source = run.plane.source(STREAM)
    assert isinstance(offer, Offer)
    assert source is not None
    answered = answer_play(offer, source, run.plane.local, run.plane.new_credentials(), ViewerSsrcs(1, 2, 3, 4), STREAM)
    assert isinstance(answered, Negotiated)
    session = run.plane.play(grant(Action.PLAY), answered, time.time())
    assert isinstance(session, Viewer)
    async with asyncio.timeout(10):
        return session, await page.evaluate(WATCH, answered.answer) / 1000


async def stats(page: Page) -> dict[str, Any]:
    """What the browser says of what it gets."""
    found: dict[str, Any] = await page.evaluate(STATS)
    return found


async def decoded(page: Page, frames: int) -> dict[str, Any]:
    """The same, once so many frames are decoded."""
    async with asyncio.timeout(5):
        while True:
            found = await stats(page)
            if found["framesDecoded"] >= frames:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("habit", ["in the offer", "early, with markers", "before every picture"])
async def test_chromium_has_a_picture_at_once_whatever_the_encoder_does_with_its_sets(page: Page, habit: str) -> None:
    """In a group of 8 s, of an encoder that ignores requests; and it goes on without asking for a keyframe."""
    async with stage(RECIPE) as run:
        run.clip, sets = rewritten(run.clip, habit)
        run.stamps = table(run.clip)
        parameters = {"packetization-mode": "1", "profile-level-id": "42e01f"}
        if habit == "in the offer":
            parameters["sprop-parameter-sets"] = ",".join(base64.b64encode(unit).decode() for unit in sets)
        await run.publisher(kinds=("video",), media={"codec": Codec("H264", 90000, 1, parameters)})
        track = run.plane._sessions.rooms[STREAM].tracks["video"]
        await until(lambda: track.history.last > 0 and (track.history.group_age(time.monotonic()) or 0) > 0.7)

        _, seconds = await watch(run, page)

        assert seconds < 1.0
        before = (await stats(page))["framesDecoded"]
        after = await decoded(page, before + 20)
        assert (after["pliCount"], after["freezeCount"]) == (0, 0)


async def test_chromium_takes_a_replay_and_goes_on(page: Page) -> None:
    """The cached group again, numbered on: no decoder error, no request, and live again within a second."""
    async with stage(RECIPE) as run:
        await run.publisher(kinds=("video",))
        track = run.plane._sessions.rooms[STREAM].tracks["video"]
        await until(lambda: track.history.group is not None)
        track.keyframes.ask()
        await until(lambda: track.keyframes.ignored(time.monotonic()))
        session, _ = await watch(run, page)
        outgoing = session.sections[0].outgoing
        assert outgoing is not None
        await until(lambda: outgoing.live and time.monotonic() - outgoing.restarted > UNDERWAY)
        before = await stats(page)

        assert track.viewers.replay(outgoing, time.monotonic())

        await until(lambda: outgoing.live and outgoing.replayed)
        after = await decoded(page, before["framesDecoded"] + 60)
        assert after["keyFramesDecoded"] > before["keyFramesDecoded"]
        assert (after["pliCount"], after["packetsLost"]) == (before["pliCount"], 0)
