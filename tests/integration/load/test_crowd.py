"""More viewers than a stream has seats for: exactly the limit gets in, everybody else gets the documented refusal."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.process.log import StackLog
from local.settings import StackSettings
from local.stack import Stack
from shared.refusals import viewer_limit_reached
from shared.tiers import Overrides, Tier
from tests.integration.load.crowd import CALM, Counting, Crowd, counting, rush
from tests.integration.metering.test_exact import watching
from tests.integration.test_documented_codes import Client
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.publisher import Publisher
from tests.ports import free_ports


async def test_a_crowd_fills_a_stream_to_its_limit_and_not_beyond(stack: dict[str, Any]) -> None:
    """60 viewers in a second on ten seats; `make storm` has the thousand."""
    crowd = await _rush(stack, limit=10, number=60, seconds=1)

    _assert_exact(crowd, limit=10, number=60)


@pytest.mark.bench
@pytest.mark.timeout(300)
async def test_a_thousand_viewers_in_ten_seconds_fill_a_hundred_seats(tmp_path: Path) -> None:
    """And what the refused cost DynamoDB: at most one eventually consistent read each, mostly nothing."""
    settings = StackSettings.from_env({"PORT": str(free_ports())}).model_copy(update={"state": tmp_path})
    log = StackLog(tmp_path / "stack.log")
    emulator = f"http://127.0.0.1:{settings.plan.emulator}"
    with closing(log):
        async with counting(emulator) as (counted_url, counted), Stack(settings, log) as running:
            # Admission alone goes the counted way; the nodes' heartbeats do not.
            running._pools["AdmissionFunction"].environment["AWS_ENDPOINT_URL"] = counted_url
            await running.start()
            stack = {"api": settings.api_url, "emulator": emulator}

            crowd = await _rush(stack, limit=100, number=1000, seconds=10, counted=counted)

    print(f"{len(crowd.inside)} in, {crowd.refused.total()} refused, DynamoDB: {dict(counted.calls)}")  # noqa: T201 - the figures
    _assert_exact(crowd, limit=100, number=1000)
    assert set(counted.calls) == {"BatchGetItem"}
    assert counted.calls["BatchGetItem"] <= 400


async def _rush(
    stack: dict[str, Any], *, limit: int, number: int, seconds: float, counted: Counting | None = None
) -> Crowd:
    """Publish a stream with *limit* seats and let the crowd at it."""
    video = clip.load(CALM)
    table = stamps.table(video)
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED, 1, Overrides(viewers=limit))
        whip, whep = f"{api.api}/{key.stream_key.reveal()}/whip", f"{api.api}/{key.stream}/whep"
        async with Publisher(host, whip, video, table):
            # Once the API knows that the stream is live, and nobody watches it.
            first = await watching(host, whep, video, table)
            await first.close()
            await asyncio.sleep(1.2)  # what the API refused or counted before is forgotten
            if counted is not None:
                counted.calls.clear()

            crowd = await rush(host, whep, video, table, number, seconds)

            try:
                await asyncio.wait_for(asyncio.gather(*(viewer.flowing for viewer in crowd.inside)), 10)
            finally:
                crowd.leave()
    return crowd


def _assert_exact(crowd: Crowd, *, limit: int, number: int) -> None:
    refusal = viewer_limit_reached(limit, limit)
    assert len(crowd.inside) == limit
    assert crowd.refused == {(refusal.status, refusal.json().decode()): number - limit}
