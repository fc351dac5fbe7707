"""A viewer like a phone: another address in mid-session, and silence while it changes."""

import asyncio
import time

import pytest

from tests.clients import page
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.peer import CHECK_SECONDS
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]
RECIPE = clip.Recipe(seconds=4, width=640, height=360, video_kbps=800)


async def test_a_viewer_that_changes_its_address_goes_on_within_one_check(stack: page.Stack) -> None:
    """From 127.0.0.1 to 127.0.0.2 and .3 over the whole stack: media is back with the answer to the first check."""
    key = page.account(stack, "creator")["keys"][1]
    video = clip.load(RECIPE)
    table = stamps.table(video)
    async with (
        peer.host() as host,
        Publisher(host, f"{stack['api']}/whip", video, table, bearer=key["stream_key"]),
    ):
        await page.live(stack, key)
        async with Viewer(host, key["whep"], video, table) as viewer:
            await asyncio.wait_for(viewer.picture, 10)
            gaps = []
            for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1"):
                await asyncio.sleep(0.5)
                before, began = viewer.counts().packets, time.monotonic()
                viewer.roam(address)
                async with asyncio.timeout(5):
                    while viewer.counts().packets < before + 5:  # noqa: ASYNC110 - plain ints of a hot path
                        await asyncio.sleep(0.01)
                gaps.append(time.monotonic() - began)
            await asyncio.sleep(0.5)

            assert min(gaps) < 4 * CHECK_SECONDS
            assert max(gaps) < 1
            assert viewer.counts().missing == 0
            assert viewer.counts().altered == 0
