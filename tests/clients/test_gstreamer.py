"""GStreamer's whipsink publishes and its whepsrc watches, through our redirect; what they send is Chromium's to judge."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(180),
    pytest.mark.skipif("GST_WHIP" not in os.environ, reason="GStreamer's WHIP was not built: run make test-clients"),
]
SINK = """
whipsink name=out whip-endpoint={api}/whip auth-token={key} use-link-headers=false
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=20/1 ! {encoder} ! out.sink_0
audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay !
application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2 ! out.sink_1
"""
ENCODERS = {
    "VP8": "vp8enc deadline=1 keyframe-max-dist=40 ! rtpvp8pay ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=40 ! video/x-h264,profile=baseline ! "
    "rtph264pay config-interval=-1 aggregate-mode=zero-latency ! "
    "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000",
}
SOURCE = """
whepsrc name=in whep-endpoint={whep} use-link-headers=false
video-caps="application/x-rtp,media=video,encoding-name=VP8,payload=101,clock-rate=90000"
audio-caps="application/x-rtp,media=audio,encoding-name=OPUS,payload=96,clock-rate=48000"
in. ! rtpvp8depay ! vp8dec ! fakesink num-buffers=60
in. ! rtpopusdepay ! opusdec ! fakesink num-buffers=100
"""


@asynccontextmanager
async def pipeline(description: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running pipeline; the end of its standard input stops it."""
    process = await asyncio.create_subprocess_exec(
        os.environ["GST_WHIP"], " ".join(description.split()), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            try:
                await asyncio.wait_for(process.communicate(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_whipsink_publishes_to_chromium(lan: page.Stack, browser: Browsers, codec: str) -> None:
    """Bundle-only sections, candidates in the offer, GStreamer's own DTLS; frames are decoded and the tone is heard."""
    key = page.account(lan, "creator")["keys"][0]
    watching = await browser.tab("chromium")
    async with pipeline(SINK.format(api=lan["api"], key=key["stream_key"], encoder=ENCODERS[codec])):
        await page.live(lan, key)
        await page.watch(watching, lan, key["stream_id"])

        assert codec in await page.sees(watching)
        await page.hears(watching)


async def test_whepsrc_decodes_what_chromium_publishes(lan: page.Stack, browser: Browsers) -> None:
    """Sixty pictures and two seconds of sound come out of its decoders."""
    key = page.account(lan, "solo")["keys"][0]
    live = await browser.tab("chromium")
    await page.publish(live, lan, key, "VP8")
    async with pipeline(SOURCE.format(whep=key["whep"])) as watching:
        _, said = await asyncio.wait_for(watching.communicate(), 60)

    assert watching.returncode == 0, said.decode(errors="replace")[-800:]
    await page.stop(live)
