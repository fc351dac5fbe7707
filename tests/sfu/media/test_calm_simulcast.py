"""A real Chromium sends three layers of a picture that does not move: viewers get the largest, and nothing counts as negative.

It looks for more of its uplink by repeating old packets on a layer's repair stream, many times what the picture takes.
"""

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import async_playwright

from sfu.negotiation import Negotiated
from sfu.plane.publisher import Publisher
from sfu.sdp.answer import answer_publish
from sfu.sdp.offer import Offer, parse_offer
from shared.grants import Action
from tests.browser.chromium import FLAGS, executable
from tests.sfu.media_harness import grant, stage
from tests.sfu.plane.test_plane import until

pytestmark = [pytest.mark.browser, pytest.mark.long]

OFFER = """
async (mime) => {
  const canvas = document.createElement('canvas');
  canvas.width = 960; canvas.height = 540;
  const context = canvas.getContext('2d');
  const draw = () => {
    context.fillStyle = '#234'; context.fillRect(0, 0, 960, 540);
    context.fillStyle = '#fff'; context.font = '60px sans-serif'; context.fillText('A slide', 300, 280);
  };
  draw();
  window.drawing = setInterval(draw, 50);
  const stream = canvas.captureStream(20);
  const pc = window.pc = new RTCPeerConnection();
  const transceiver = pc.addTransceiver(stream.getVideoTracks()[0], {
    direction: 'sendonly', streams: [stream],
    sendEncodings: [{rid: 'q', scaleResolutionDownBy: 4}, {rid: 'h', scaleResolutionDownBy: 2}, {rid: 'f'}],
  });
  transceiver.setCodecPreferences(
    RTCRtpSender.getCapabilities('video').codecs.filter((codec) => [mime, 'video/rtx'].includes(codec.mimeType)));
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}
"""
ANSWER = "async (sdp) => { await window.pc.setRemoteDescription({type: 'answer', sdp}); }"


@pytest.mark.parametrize("mime", ["video/VP8", "video/H264"])
async def test_a_picture_that_stands_still_is_seen_in_its_largest_layer(mime: str) -> None:
    """It is chosen within seconds, and stays, while the browser's probes are repairs of the smallest."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    async with stage() as run, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        page = await browser.new_page()
        offer = parse_offer(await page.evaluate(OFFER, mime))
        assert isinstance(offer, Offer)
        negotiated = answer_publish(offer, run.plane.local, run.plane.new_credentials())
        assert isinstance(negotiated, Negotiated)
        publisher = run.plane.publish(grant(Action.PUBLISH), negotiated, time.time())
        assert isinstance(publisher, Publisher)
        await page.evaluate(ANSWER, negotiated.answer)

        def layers() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = publisher.media_state(time.monotonic())[0]["layers"]
            return found

        def forwarded() -> list[str]:
            return [layer["rid"] for layer in layers() if layer["forwarded"]]

        await until(lambda: forwarded() == ["f"], 30)
        told, lost = set(), set()
        for _ in range(60):
            told.add(tuple(forwarded()))
            lost |= {layer["lost"] for layer in layers()}
            await asyncio.sleep(0.1)
        assert told == {("f",)}
        assert lost == {0}
        # Encoders crop a line here and there.
        widths = {layer["rid"]: layer["size"].split("x")[0] for layer in layers()}
        assert widths == {"q": "240", "h": "480", "f": "960"}
        assert [layer.id for layer in publisher.layers() if layer.active] == ["q", "h", "f"]
        # It did probe: what came is more than twice what the pictures are.
        assert publisher.received > 2 * sum(layer.bytes for layer in publisher.ssrcs.layers(publisher.sections[0]))
        await browser.close()
