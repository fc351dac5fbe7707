"""Many requests for one key whose publisher may be gone: one of them waits, over the whole stack, and nobody else notices."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from shared.tiers import Tier
from tests.integration.test_documented_codes import Client

pytestmark = pytest.mark.alone

CROWD = 40


async def test_forty_publishes_of_one_key_hold_up_nobody(stack: dict[str, Any]) -> None:
    """A grant that nobody has used yet: one of the forty waits the three seconds for it, 39 are refused; another account gets in at once."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED)
        _, (other,) = await asyncio.to_thread(api.account, Tier.REGISTERED)

        async def publish(secret: str) -> tuple[int, float]:
            began = time.monotonic()
            status, _ = await api.post(f"/{secret}/whip")
            return status, time.monotonic() - began

        # Processes of the function that are warm, as at a real service: starting one takes a second here.
        await asyncio.gather(*(publish("live_" + "a" * 32) for _ in range(CROWD)))
        assert (await publish(key.stream_key.reveal()))[0] == 307
        crowd = [asyncio.create_task(publish(key.stream_key.reveal())) for _ in range(CROWD)]
        await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
        status, took = await publish(other.stream_key.reveal())
        answers = await asyncio.gather(*crowd)

    assert status == 307
    assert took < 2
    assert sorted(status for status, _ in answers) == [307] + [409] * (CROWD - 1)
    waited = max(took for status, took in answers if status == 307)
    assert 2 < waited < 6
    assert max(took for status, took in answers if status == 409) < 2.5
