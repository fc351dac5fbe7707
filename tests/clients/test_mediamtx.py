"""MediaMTX as a client of ours: its publisher and reader pages in Chromium, across origins, and its server pulling WHEP."""

from collections.abc import Iterator

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers
from tests.peers.conftest import started

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

PUBLISH = """
async (url) => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 360}, audio: true});
  return await new Promise((resolve, reject) => {
    window.publisher = new MediaMTXWebRTCPublisher({
      url, stream, videoCodec: 'vp8/90000', videoBitrate: 800, audioCodec: 'opus/48000', audioBitrate: 64,
      audioVoice: true, onError: (error) => reject(new Error(error)), onConnected: () => resolve(true),
    });
  });
}
"""
READ = """
async (url) => {
  const video = window.video = document.createElement('video');
  video.muted = true;
  const kinds = window.kinds = new Set();
  await new Promise((resolve, reject) => {
    window.reader = new MediaMTXWebRTCReader({
      url, onError: (error) => reject(new Error(error)), onDataChannel: () => {},
      onTrack: (event) => {
        kinds.add(event.track.kind); video.srcObject = event.streams[0]; video.play();
        video.requestVideoFrameCallback(resolve);
      },
    });
  });
  for (let frame = 0; frame < 40; frame++) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  }
  return [[...kinds].sort(), video.videoWidth];
}
"""
OFF = "".join(f"{name}: no\n" for name in ("rtsp", "rtmp", "hls", "srt", "moq"))


@pytest.fixture(scope="module")
def mediamtx() -> Iterator[str]:
    """A MediaMTX whose pages are served."""
    with started() as found:
        yield found.url


async def test_mediamtx_pages_publish_to_us_and_read_from_us(lan: page.Stack, browser: Browsers, mediamtx: str) -> None:
    """OPTIONS first, 307 across origins, a PATCH for each candidate, a data channel in the reader's offer."""
    key = page.account(lan, "studio")["keys"][0]
    live, watching = await browser.tab("chromium"), await browser.tab("chromium")
    await live.goto(f"{mediamtx}/x/publish")
    assert await live.evaluate(PUBLISH, key["whip"])
    await page.live(lan, key)
    await watching.goto(f"{mediamtx}/x/")

    kinds, width = await watching.evaluate(READ, key["whep"])

    assert kinds == ["audio", "video"]
    assert width > 0


async def test_mediamtx_pulls_through_the_redirect_and_chromium_watches_it_there(
    lan: page.Stack, browser: Browsers
) -> None:
    """`whep://` of our API: MediaMTX follows the 307, and its own reader page shows the picture."""
    key = page.account(lan, "studio")["keys"][1]
    live, watching = await browser.tab("chromium"), await browser.tab("chromium")
    await page.publish(live, lan, key, "VP8")
    source = key["whep"].replace("http://", "whep://")
    pulling = (
        f"{OFF}logLevel: warn\nwebrtcAddress: 127.0.0.1:{{http}}\nwebrtcLocalUDPAddress: 127.0.0.1:{{udp}}\n"
        f"webrtcIPsFromInterfaces: no\nwebrtcAdditionalHosts: [127.0.0.1]\npaths:\n  x:\n    source: {source}\n"
    )
    with started(pulling) as found:
        await watching.goto(f"{found.url}/x/")
        await watching.until("() => document.querySelector('video')?.videoWidth > 0")
    await page.stop(live)
