"""Clients that are not ours, against a whole node: FFmpeg's WHIP muxer publishes; MediaMTX pulls; Chromium watches."""

import asyncio
import shutil
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import aiohttp
import av
import numpy as np
import pytest
from playwright.async_api import async_playwright

from shared.grants import Action
from tests.browser.chromium import FLAGS, executable
from tests.peers.conftest import started
from tests.sfu.esp import handles_esp
from tests.sfu.fake_control import fake_control
from tests.sfu.running_node import COMMAND, ROOT, STREAM, RunningNode, running_node

FPS, RATE = 25, 48000
GUARD = 20
"""Seconds after which a test gives up."""


@pytest.fixture
async def node() -> AsyncIterator[RunningNode]:
    """A node that serves real clients."""
    async with fake_control() as control, running_node(control) as one:
        yield one


class Muxer:
    """FFmpeg's own WHIP muxer through PyAV, in a thread: a grey picture and noise, in real time."""

    def __init__(self, url: str, gop: int = FPS) -> None:
        self._url, self._gop = url, gop
        self._stop = threading.Event()
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            with av.open(self._url, "w", format="whip") as output:
                self._send(output)
        except (av.FFmpegError, OSError) as error:
            self.failure = error

    def _send(self, output: av.container.OutputContainer) -> None:
        video = output.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency", "bf": "0"}
        )
        video.width, video.height, video.pix_fmt, video.gop_size = 320, 180, "yuv420p", self._gop
        audio = output.add_stream("libopus", rate=RATE, layout="stereo")
        noise = np.random.default_rng(1).integers(-3000, 3000, (1, RATE // FPS * 2)).astype(np.int16)
        began = time.monotonic()
        number = 0
        while not self._stop.wait(max(0.0, began + number / FPS - time.monotonic())):
            picture = av.VideoFrame.from_ndarray(np.full((270, 320), number * 3 % 256, np.uint8), format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            sound = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
            sound.sample_rate, sound.pts, sound.time_base = RATE, number * RATE // FPS, Fraction(1, RATE)
            output.mux(video.encode(picture))
            output.mux(audio.encode(sound))
            number += 1

    def stop(self) -> None:
        """End the stream as FFmpeg does, with a DELETE."""
        self._stop.set()
        self.thread.join(GUARD)


@contextmanager
def ffmpeg(url: str) -> Iterator[Muxer]:
    """A publisher for as long as the block lasts."""
    muxer = Muxer(url)
    muxer.thread.start()
    try:
        yield muxer
    finally:
        muxer.stop()


async def live(node: RunningNode) -> None:
    """Wait until the control plane has heard of media."""
    await node.control.until(lambda: any(s["kbps"] for s in node.control.beats[-1]["streams"]), GUARD)


async def test_ffmpeg_publishes_and_deletes_its_session(node: RunningNode) -> None:
    """`setup:passive`, no candidates, a 5 s budget for the handshake; and its DELETE is a 200."""
    with ffmpeg(node.grant_url(Action.PUBLISH)) as muxer:
        await live(node)
        await asyncio.to_thread(muxer.stop)

    assert muxer.failure is None
    await node.control.until(lambda: _ended(node, "publish"), GUARD)
    assert _ended(node, "publish") == {"delete"}


async def test_ffmpeg_fails_clearly_on_a_refusal(node: RunningNode) -> None:
    """A used grant is a 401, and the muxer ends with an error instead of trying on."""
    url = node.grant_url(Action.PUBLISH)
    with ffmpeg(url):
        await live(node)
        with ffmpeg(url) as second:
            await asyncio.to_thread(second.thread.join, GUARD)
            assert second.failure is not None


def _may_send_icmp() -> bool:
    """Whether this process may send ICMP, as root can."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


NOTICED = 10 if _may_send_icmp() or not handles_esp("127.0.0.1") else 40
"""Seconds in which FFmpeg is to notice that it was ended; at worst its checks are not answered for 30 s."""
WITHOUT_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all", *COMMAND)
"""As the image's user has none."""


def _ended_by_the_operator(node: RunningNode) -> None:
    node.control.commands.append({"id": "cmd0001", "stream": STREAM, "reason": "operator"})


def _ended_by_a_takeover(node: RunningNode) -> None:
    taking = Muxer(node.grant_url(Action.PUBLISH, epoch=2))
    taking.thread.start()


def _ended_by_a_drain(node: RunningNode) -> None:
    node.signal(signal.SIGTERM)


@pytest.mark.long
@pytest.mark.timeout(90)
@pytest.mark.parametrize("end", [_ended_by_the_operator, _ended_by_a_takeover, _ended_by_a_drain])
async def test_ffmpeg_fails_soon_after_it_was_ended(node: RunningNode, end: Callable[[RunningNode], None]) -> None:
    """It must fail or end, or no supervisor starts it again; a close_notify made it wait for ever."""
    muxer = Muxer(node.grant_url(Action.PUBLISH))
    muxer.thread.start()
    await live(node)
    end(node)
    await asyncio.to_thread(muxer.thread.join, NOTICED)
    assert not muxer.thread.is_alive()
    assert muxer.failure is not None


@pytest.mark.timeout(90)
@pytest.mark.parametrize("end", [_ended_by_the_operator, _ended_by_a_takeover])
async def test_ffmpeg_fails_soon_though_the_node_has_no_rights(end: Callable[[RunningNode], None]) -> None:
    """The image's user may not send ICMP: the kernel does it."""
    if shutil.which("setpriv") is None or handles_esp("127.0.0.1"):
        pytest.skip("a kernel with ESP tells nobody: FFmpeg notices after 30 s")
    async with fake_control() as control, running_node(control, ROOT, WITHOUT_RIGHTS) as node:
        muxer = Muxer(node.grant_url(Action.PUBLISH))
        muxer.thread.start()
        await live(node)
        end(node)
        await asyncio.to_thread(muxer.thread.join, 10)
        assert not muxer.thread.is_alive()
        assert muxer.failure is not None


async def test_mediamtx_pulls_a_stream(node: RunningNode) -> None:
    """Its Go client is strict: OPTIONS, 201 with the type, ETag, 200 to DELETE."""
    off = "".join(f"{name}: no\n" for name in ("rtsp", "rtmp", "hls", "srt", "moq", "webrtc"))
    with ffmpeg(node.grant_url(Action.PUBLISH)):
        await live(node)
        source = node.grant_url(Action.PLAY).replace("http://", "whep://")
        pulling = f"{off}api: yes\napiAddress: 127.0.0.1:{{http}}\npaths:\n  x:\n    source: {source}\n"
        with started(pulling) as mediamtx:
            path = await _pulled(f"{mediamtx.url}/v3/paths/get/x")
        await node.control.until(lambda: _ended(node, "play"), GUARD)

    assert sorted(path["tracks"]) == ["H264", "Opus"]
    assert _ended(node, "play") == {"delete"}


def _ended(node: RunningNode, action: str) -> set[str]:
    """Why sessions ended, as the control plane heard it."""
    return {one["reason"] for beat in node.control.beats for one in beat["ended"] if one["action"] == action}


async def _pulled(url: str) -> dict[str, list[str]]:
    """What MediaMTX says of a path once it is ready."""
    async with asyncio.timeout(GUARD), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url) as response:
                    path: dict[str, list[str]] = await response.json()
            except aiohttp.ClientError:
                path = {}
            if path.get("ready"):
                return path
            await asyncio.sleep(0.05)


WATCH = """
async (url) => {
  const pc = window.pc = new RTCPeerConnection();
  const video = window.video = document.createElement('video');
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  video.muted = true;
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; video.play(); };
  await pc.setLocalDescription(await pc.createOffer());
  const headers = {'Content-Type': 'application/sdp'};
  const answer = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  window.session = answer.headers.get('Location');
  window.etag = answer.headers.get('ETag');
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  return [answer.status, video.videoWidth, video.videoHeight];
}
"""
# What medooze's client does: only credentials travel, both descriptions are rebuilt from them.
RESTART = """
async () => {
  const pc = window.pc, line = (text, name) => text.match(new RegExp(`a=${name}:.*\\\\r\\\\n`))[0];
  const answer = pc.remoteDescription.sdp;
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer());
  const offer = pc.localDescription.sdp;
  const reply = await fetch(window.session, {
    method: 'PATCH',
    headers: {'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': window.etag},
    body: line(offer, 'ice-ufrag') + line(offer, 'ice-pwd') + 'm=audio 9 UDP/TLS/RTP/SAVPF 0\\r\\na=mid:0\\r\\n',
  });
  const fragment = await reply.text();
  const renewed = ['ice-ufrag', 'ice-pwd'].reduce(
    (sdp, name) => sdp.replaceAll(line(answer, name), line(fragment, name)), answer);
  await pc.setRemoteDescription({type: 'answer', sdp: renewed});
  const selected = async () => {
    for (const one of (await pc.getStats()).values())
      if (one.type === 'local-candidate' && offer.includes(one.usernameFragment)) return one.usernameFragment;
  };
  for (let frame = 0; frame < 25; frame++)
    await new Promise((resolve) => window.video.requestVideoFrameCallback(resolve));
  return [reply.status, reply.headers.get('ETag') !== window.etag, pc.iceConnectionState, Boolean(await selected())];
}
"""


@pytest.mark.browser
async def test_chromium_watches_ffmpeg_and_restarts_ice(node: RunningNode) -> None:
    """A picture comes, and goes on coming over an ICE restart (1A.39)."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    with ffmpeg(node.grant_url(Action.PUBLISH)):
        await live(node)
        async with asyncio.timeout(2 * GUARD), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
            page = await browser.new_page()
            watching = await page.evaluate(WATCH, node.grant_url(Action.PLAY))
            restarted = await page.evaluate(RESTART)
            await browser.close()

    assert watching == [201, 320, 180]
    assert restarted == [200, True, "connected", True]
    assert STREAM in node.log()


STATES = """
async () => {
  const states = {connection: [], ice: []};
  const began = performance.now();
  return await new Promise((resolve) => {
    const look = () => {
      for (const [name, state] of [['connection', pc.connectionState], ['ice', pc.iceConnectionState]])
        if (states[name].at(-1) !== state) states[name].push(state);
      if (states.connection.includes('failed') || performance.now() - began > 60000)
        setTimeout(() => resolve(states), 3000);
      else setTimeout(look, 20);
    };
    look();
  });
}
"""


@pytest.mark.browser
@pytest.mark.long
@pytest.mark.timeout(150)
async def test_chromium_tells_by_its_connection_state_that_a_node_is_gone(node: RunningNode) -> None:
    """`failed` comes there, and never in iceConnectionState (docs/clients.md); whoever writes a player looks at it."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    with ffmpeg(node.grant_url(Action.PUBLISH)):
        await live(node)
        async with asyncio.timeout(120), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
            page = await browser.new_page()
            await page.evaluate(WATCH, node.grant_url(Action.PLAY))
            began = time.monotonic()
            seeing = asyncio.ensure_future(page.evaluate(STATES))
            node.signal(signal.SIGKILL)
            states = await seeing
            took = time.monotonic() - began
            await browser.close()

    assert states["connection"][-1] == "failed"
    assert "failed" not in states["ice"]
    assert took < 45
