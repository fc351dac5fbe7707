"""A quota ends real sessions on the whole stack: when, how far past it, and how they get in again."""

import asyncio
import json
from typing import Any

import pytest

from sfu.control.usage import INTERVAL
from shared.tiers import Overrides, Tier
from tests.integration.metering.test_exact import watching
from tests.integration.test_documented_codes import Client
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.publisher import Publisher

QUOTA = 1_500_000


@pytest.mark.alone
async def test_a_quota_passed_in_mid_session_ends_publisher_and_viewer(stack: dict[str, Any]) -> None:
    """Within two report intervals of the byte that filled it; the next attempts are told why."""
    video = clip.load(clip.Recipe(seconds=4))
    table = stamps.table(video)
    loop = asyncio.get_running_loop()
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED, 1, Overrides(bytes=QUOTA))
        whip, whep = f"/{key.stream_key.reveal()}/whip", f"/{key.stream}/whep"
        async with Publisher(host, api.api + whip, video, table) as publisher:
            viewer = await watching(host, api.api + whep, video, table)
            await asyncio.wait_for(viewer.flowing, 5)
            began, sofar = loop.time(), publisher.octets + viewer.octets
            assert sofar < QUOTA, "the viewer came too late to count for anything"
            while publisher.octets + viewer.octets < QUOTA:
                assert not publisher.ended.done()
                await asyncio.sleep(0.02)
            passed = loop.time()
            rate = (publisher.octets + viewer.octets - sofar) / (passed - began)

            await asyncio.wait_for(asyncio.gather(publisher.ended, viewer.ended), 3 * INTERVAL)

            late = loop.time() - passed
            over = publisher.octets + viewer.octets - QUOTA
            print(f"ended {late:.1f} s after the quota was passed, {over} bytes ({over / rate:.1f} s) over")  # noqa: T201 - the figure
            assert late <= 2 * INTERVAL
            assert over <= 2 * INTERVAL * rate * 1.1  # the rate is measured, and not constant
        for path in (whip, whep):
            status, body = await api.post(path)
            assert (status, json.loads(body)["code"]) == (429, "BANDWIDTH_EXCEEDED")
