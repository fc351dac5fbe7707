"""A real Chromium as publisher finds a bitrate of 2.5 Mbit/s within 5 s by our feedback, without hints in its offer.

`make test-clients`; the figures are in docs/media-plane.md.
"""

import asyncio

import pytest
from playwright.async_api import async_playwright

from shared.grants import Action
from tests.browser.chromium import FLAGS, executable
from tests.sfu.fake_control import fake_control
from tests.sfu.running_node import running_node

WANTED = 2_500_000
SECONDS = 5

# A picture of noise that moves: an encoder never has too little to say about it.
PUBLISH = """
async ([url, bitrate, seconds]) => {
  const [width, height] = [640, 360];
  const noise = Object.assign(document.createElement('canvas'), {width: width + 150, height: height + 130});
  const grain = noise.getContext('2d').createImageData(noise.width, noise.height);
  grain.data.forEach((_, n) => { grain.data[n] = Math.random() * 256; });
  noise.getContext('2d').putImageData(grain, 0, 0);
  const picture = Object.assign(document.createElement('canvas'), {width, height});
  let frame = 0;
  setInterval(() => { frame++; picture.getContext('2d').drawImage(noise, -(frame * 7 % 150), -(frame * 3 % 130)); }, 33);
  const pc = window.pc = new RTCPeerConnection();
  const sendEncodings = [{maxBitrate: bitrate}];
  pc.addTransceiver(picture.captureStream(30).getVideoTracks()[0], {direction: 'sendonly', sendEncodings});
  await pc.setLocalDescription(await pc.createOffer());
  const headers = {'Content-Type': 'application/sdp'};
  const answer = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  const sdp = await answer.text();
  await pc.setRemoteDescription({type: 'answer', sdp});
  const rows = [];
  let before = 0;
  for (let second = 0; second < seconds; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const stats = [...(await pc.getStats()).values()];
    const out = stats.find((one) => one.type === 'outbound-rtp');
    const pair = stats.find((one) => one.type === 'candidate-pair' && one.nominated);
    rows.push({
      sent: 8 * (out.bytesSent + out.headerBytesSent - before),
      target: out.targetBitrate ?? 0,
      available: pair?.availableOutgoingBitrate ?? 0,
    });
    before = out.bytesSent + out.headerBytesSent;
  }
  return [sdp, rows];
}
"""


@pytest.mark.browser
@pytest.mark.clients
async def test_chromium_has_its_full_bitrate_within_five_seconds() -> None:
    """By transport-wide feedback: its estimate is its own, and no REMB stands in for one."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    async with fake_control() as control, running_node(control) as node, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        async with asyncio.timeout(60):
            page = await browser.new_page()
            answer, rows = await page.evaluate(PUBLISH, [node.grant_url(Action.PUBLISH), WANTED, SECONDS])
            await browser.close()

    assert "transport-cc" in answer
    assert "goog-remb" not in answer
    assert rows[-1]["available"] >= WANTED, rows
    assert max(row["target"] for row in rows) >= 0.8 * WANTED, rows  # Chromium plans with 25 frames a second at first
    assert max(row["available"] for row in rows) < 30_000_000, rows
