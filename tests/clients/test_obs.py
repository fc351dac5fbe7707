"""OBS's libraries: libdatachannel and libcurl, through `POST /whip` with a bearer key and our redirect."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.clients import obs, page
from tests.clients.tabs import Browsers
from tests.peers.clips import clip

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        "LIBDATACHANNEL" not in os.environ, reason="libdatachannel was not built: run make test-clients"
    ),
]
RECIPE = clip.Recipe(seconds=10, gop_seconds=10, width=640, height=360, video_kbps=800)


async def test_obs_publishes_to_chromium_with_a_keyframe_each_ten_seconds(lan: page.Stack, browser: Browsers) -> None:
    """The offer without candidates connects, picture and sound are there at once though no keyframe comes, DELETE is 200."""
    key = page.account(lan, "creator")["keys"][1]
    sender = obs.Obs(obs.library(Path(os.environ["LIBDATACHANNEL"])), clip.load(RECIPE), *clip.encoded(RECIPE))
    watching = await browser.tab("chromium")
    try:
        await asyncio.to_thread(sender.start, f"{lan['api']}/whip", key["stream_key"])
        assert sender.created is not None
        assert "a=candidate" not in sender.offer
        assert sender.created.hops == 1, "the API answers 307 and the node 201"
        await asyncio.sleep(2)  # the next keyframe is some 8 s away
        await page.watch(watching, lan, key["stream_id"])
        first = await watching.evaluate("() => Number(document.getElementById('watch-stage').dataset.firstFrameMs)")
        assert "H264" in await page.sees(watching)
        await page.hears(watching)
    finally:
        status = await asyncio.to_thread(sender.stop)

    assert first < 6000, "the cached group of pictures is what a viewer sees first"
    assert status == 200
