"""A real Chromium publishes three layers; what a viewer is sent follows the best one that lives, switching at keyframes."""

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers

pytestmark = [pytest.mark.clients, pytest.mark.timeout(240)]

PUBLISH = r"""
async (url) => {
  const canvas = document.createElement('canvas');
  canvas.width = 960; canvas.height = 540;
  const context = canvas.getContext('2d');
  let frame = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${frame * 3 % 360} 80% 50%)`;
    context.fillRect(0, 0, 960, 540);
    context.fillStyle = 'white';
    context.fillRect(frame * 7 % 600, frame * 3 % 320, 40, 40);
    frame++;
  }, 50);
  const stream = canvas.captureStream(20);
  const pc = window.pc = new RTCPeerConnection();
  window.sender = pc.addTransceiver(stream.getVideoTracks()[0], {
    direction: 'sendonly', streams: [stream],
    sendEncodings: [{rid: 'q', scaleResolutionDownBy: 4}, {rid: 'h', scaleResolutionDownBy: 2}, {rid: 'f'}],
  }).sender;
  const vp8 = RTCRtpSender.getCapabilities('video').codecs.filter((codec) => codec.mimeType === 'video/VP8');
  pc.getTransceivers()[0].setCodecPreferences(vp8);
  await pc.setLocalDescription(await pc.createOffer());
  const headers = {'Content-Type': 'application/sdp'};
  const reply = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  const answer = await reply.text();
  await pc.setRemoteDescription({type: 'answer', sdp: answer});
  return [reply.status, answer.match(/a=simulcast:recv (.*)/)?.[1].trim()];
}
"""
LAYER = """
async ([rid, active]) => {
  const parameters = window.sender.getParameters();
  parameters.encodings.find((one) => one.rid === rid).active = active;
  await window.sender.setParameters(parameters);
  return true;
}
"""
WATCH = """
async (url) => {
  const pc = window.pc = new RTCPeerConnection();
  const video = window.video = document.createElement('video');
  pc.addTransceiver('video', {direction: 'recvonly'});
  video.muted = true;
  window.widths = [];
  const note = () => {
    if (window.widths.at(-1) !== video.videoWidth) window.widths.push(video.videoWidth);
    video.requestVideoFrameCallback(note);
  };
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; video.play(); video.requestVideoFrameCallback(note); };
  await pc.setLocalDescription(await pc.createOffer());
  const headers = {'Content-Type': 'application/sdp'};
  const reply = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await reply.text()});
  return reply.status;
}
"""
WIDTH = "(width) => window.video.videoWidth === width"
SHOWN = "(count) => window.video.getVideoPlaybackQuality().totalVideoFrames > count"


async def test_a_viewer_gets_the_best_layer_and_the_next_one_when_it_stops(
    lan: page.Stack, browser: Browsers, elsewhere: str
) -> None:
    """960 wide, 480 when the top layer is switched off, 240 below that, and 960 again; each change is one of size alone."""
    key = page.account(lan, "studio")["keys"][0]
    live, watching = await browser.tab("chromium"), await browser.tab("chromium")
    await live.goto(elsewhere)
    assert await live.evaluate(PUBLISH, key["whip"]) == [201, "q;h;f"]
    await page.live(lan, key)
    await watching.goto(elsewhere)
    assert await watching.evaluate(WATCH, key["whep"]) == 201
    await watching.until(WIDTH, 960)
    before = await watching.evaluate("() => window.widths.length")

    await live.evaluate(LAYER, ["f", False])
    await watching.until(WIDTH, 480)
    await live.evaluate(LAYER, ["h", False])
    await watching.until(WIDTH, 240)
    await live.evaluate(LAYER, ["h", True])
    await live.evaluate(LAYER, ["f", True])
    await watching.until(WIDTH, 960)

    widths = await watching.evaluate("() => window.widths")
    await watching.until(SHOWN, 40)
    assert widths[before - 1 : before + 2] == [960, 480, 240]
    assert set(widths) <= {960, 480, 240}
