"""VDO.Ninja's way (lib.js, whipOut and whepIn): its XHRs and its munging, in a real Chromium on another origin."""

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

COMMON = r"""
  const posted = (url, body) => new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.onload = () => resolve(xhr);
    xhr.onerror = () => reject(new Error('the POST failed'));
    xhr.open('POST', url, true);
    xhr.setRequestHeader('Content-Type', 'application/sdp');
    xhr.send(body);
  });
"""
WHIP_OUT = (
    r"""
async (url) => {"""
    + COMMON
    + r"""
  // Without a microphone the sound comes from another MediaStream, so the offer names two.
  const camera = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 360}});
  const sound = await navigator.mediaDevices.getUserMedia({audio: true});
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver(sound.getTracks()[0], {direction: 'sendonly', streams: [sound]});
  pc.addTransceiver(camera.getTracks()[0], {direction: 'sendonly', streams: [camera]});
  const offer = (await pc.createOffer()).sdp;
  await pc.setLocalDescription({type: 'offer', sdp: offer});
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const h264 = (offer.match(/a=rtpmap:(\d+) H264/g) || []).map((line) => line.match(/:(\d+)/)[1]);
  const first = (text, wanted) => text.replace(/(m=video \S+ \S+) (.*)/, (_, head, list) => {
    const all = list.trim().split(' ');
    return `${head} ${[...wanted, ...all.filter((pt) => !wanted.includes(pt))].join(' ')}`;
  });
  let munged = first(pc.localDescription.sdp, h264);
  munged = munged.replace(/(a=fmtp:111 [^\r\n]*)/, '$1;stereo=1;sprop-stereo=1;maxptime:60');
  const target = (h264[0] || '96');
  munged = munged.replace(new RegExp(`(a=rtpmap:${target} [^\r\n]*\r\n)`),
    `$1a=fmtp:${target} x-google-min-bitrate=500; x-google-max-bitrate=1500\r\n`);
  const reply = await posted(url, munged);
  const type = reply.getResponseHeader('Content-Type').split(';')[0];
  await pc.setRemoteDescription({type: 'answer', sdp: first(reply.responseText, h264)});
  return {
    status: reply.status,
    type,
    whep: reply.getResponseHeader('WHEP'),
    location: reply.getResponseHeader('Location'),
    streams: new Set((munged.match(/a=msid:\S+/g) || [])).size,
    second: (munged.match(new RegExp(`a=fmtp:${target} `, 'g')) || []).length,
  };
}
"""
)
WHEP_IN = (
    r"""
async (url) => {"""
    + COMMON
    + r"""
  const pc = window.pc = new RTCPeerConnection();
  const video = document.createElement('video');
  video.muted = true;
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; video.play(); };
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const reply = await posted(url, pc.localDescription.sdp);
  const answer = reply.responseText;
  const where = reply.getResponseHeader('Location');
  await pc.setRemoteDescription({type: 'answer', sdp: answer});
  // whepIn copies the credentials from the answer, not from its own offer.
  const line = (name) => answer.match(new RegExp(`a=${name}:.*\r\n`))[0];
  const candidates = pc.localDescription.sdp.match(/a=candidate:.*\r\n/g) || [];
  const patch = await fetch(where, {
    method: 'PATCH',
    headers: {'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': reply.getResponseHeader('ETag')},
    body: line('ice-ufrag') + line('ice-pwd') + 'm=audio 9 RTP/AVP 0\r\na=mid:0\r\n' + candidates.join(''),
  });
  for (let frame = 0; frame < 40; frame++) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  }
  return {status: reply.status, patched: patch.status, accepts: reply.getResponseHeader('Accept-Patch'), width: video.videoWidth};
}
"""
)


async def test_vdo_ninja_publishes_reads_whep_across_origins_and_its_viewers_play_it(
    lan: page.Stack, browser: Browsers, elsewhere: str
) -> None:
    """Two streams, a second fmtp line and a malformed maxptime are taken; WHEP is exposed; its PATCH is a 204."""
    key = page.account(lan, "studio")["keys"][1]
    live, watching = await browser.tab("chromium"), await browser.tab("chromium")
    await live.goto(elsewhere)
    published = await live.evaluate(WHIP_OUT, key["whip"])
    await page.live(lan, key)
    await watching.goto(elsewhere)
    watched = await watching.evaluate(WHEP_IN, published["whep"])

    assert published == {
        "status": 201,
        "type": "application/sdp",
        "whep": key["whep"],
        "location": published["location"],
        "streams": 2,
        "second": 2,
    }
    assert published["location"].startswith("http")
    assert watched["status"] == 201
    assert watched["patched"] == 204
    assert watched["accepts"] is None
    assert watched["width"] > 0
