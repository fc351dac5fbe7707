"""A publisher's process is killed: no DELETE, no close_notify. Its key and its account's slot are soon free again."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from shared.tiers import Tier
from tests.integration.test_documented_codes import Client

pytestmark = pytest.mark.alone


@asynccontextmanager
async def killed_publisher(api: Client, key: str) -> AsyncIterator[float]:
    """A publisher of its own process, killed once it was live; when that was."""
    command = (sys.executable, "-m", "tests.peers", "publish", f"{api.api}/{key}/whip", "--clip-seconds", "4")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert b"connected" in await asyncio.wait_for(process.stdout.readline(), 30)
        # Live for the control plane too, so that its key is in use.
        for _ in range(100):
            if (await api.post(f"/{key}/whip"))[0] == 409:
                break
        process.send_signal(signal.SIGKILL)
        yield time.monotonic()
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.gather(process.wait(), process.stdout.read())


async def test_the_same_key_is_in_at_its_first_try(stack: dict[str, Any]) -> None:
    """The request waits until three seconds of silence are full, instead of being refused."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED)
        async with killed_publisher(api, key.stream_key.reveal()) as killed:
            status, _ = await api.post(f"/{key.stream_key.reveal()}/whip")

            assert status == 307
            assert time.monotonic() - killed < 6


async def test_the_slot_is_free_for_another_key_within_twelve_seconds(stack: dict[str, Any]) -> None:
    """Ten seconds without a packet end the session, and the node says so at once."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (key, other) = await asyncio.to_thread(api.account, Tier.REGISTERED, 2)
        async with killed_publisher(api, key.stream_key.reveal()) as killed:
            status = 429
            while status == 429 and time.monotonic() - killed < 20:
                await asyncio.sleep(0.1)
                status, _ = await api.post(f"/{other.stream_key.reveal()}/whip")

            assert status == 307
            assert time.monotonic() - killed < 12
