"""FFmpeg's WHIP muxer with a keyframe each ten seconds, through API and redirect, to both browsers."""

import asyncio

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers
from tests.sfu.test_real_clients import FPS, Muxer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]


async def test_ffmpeg_with_a_long_gop_is_seen_at_once_by_chromium(lan: page.Stack, browser: Browsers) -> None:
    """The POST is repeated at the node; a viewer that comes between two keyframes has a picture within a second or two."""
    key = page.account(lan, "solo")["keys"][1]
    muxer = Muxer(key["whip"], gop=10 * FPS)
    muxer.thread.start()
    watching = await browser.tab("chromium")
    try:
        await page.live(lan, key)
        await asyncio.sleep(2)  # the next keyframe is some 8 s away
        await page.watch(watching, lan, key["stream_id"])
        first = await watching.evaluate("() => Number(document.getElementById('watch-stage').dataset.firstFrameMs)")
        assert "H264" in await page.sees(watching)
        await page.hears(watching)
    finally:
        await asyncio.to_thread(muxer.stop)

    assert first < 6000
    assert muxer.failure is None
