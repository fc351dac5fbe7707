"""Every documented refusal over HTTP against the whole stack, with the status and the body of the golden files."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.messages import UsageEntry, UsageReport
from shared.months import GB, month_of
from shared.tiers import NO_OVERRIDES, Overrides, Tier
from tests.integration.metering.test_exact import new_account, send, watching
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.publisher import Publisher

GOLDEN = Path(__file__).resolve().parents[1] / "shared" / "golden" / "refusals"
OFFER = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
Answer = tuple[int, bytes]


def golden(code: str) -> Answer:
    """Status and body as the contract has them."""
    status, _, body = (GOLDEN / f"{code}.http").read_bytes().partition(b"\n")
    return int(status), body.removesuffix(b"\n")


class Client:
    """Posts to the stack's API, and makes accounts in its tables as an operator would."""

    def __init__(self, http: aiohttp.ClientSession, stack: dict[str, Any]) -> None:
        self.http = http
        self.stack = stack
        self.api = stack["api"].rstrip("/")

    def account(self, tier: Tier, keys: int = 1, overrides: Overrides = NO_OVERRIDES) -> tuple[str, list[Any]]:
        """A fresh account of *tier* and its stream keys."""
        made, found = new_account(self.stack, tier, keys, overrides)
        return made.account.id, found

    async def post(self, path: str, data: bytes = OFFER, *, follow: bool = False) -> Answer:
        """Status and body of a POST of an offer; checks that a refusal can be read by any page."""
        headers = {"Content-Type": "application/sdp", "Origin": "https://vdo.ninja"}
        async with self.http.post(self.api + path, data=data, headers=headers, allow_redirects=follow) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            if response.status >= 400:
                assert response.headers["Content-Type"] == "application/json"
            return response.status, await response.read()

    async def ask(self, body: Mapping[str, object]) -> Answer:
        """Status and body of a request for a grant."""
        async with self.http.post(f"{self.api}/v1/grants", json=body) as response:
            return response.status, await response.read()

    async def used(self, account: str, amount: int) -> None:
        """A node reports that *account* has used *amount* bytes this month."""
        now = time.time()
        entry = UsageEntry(account=account, month=month_of(now), received=amount, sent=0)
        report = UsageReport(node="elsewhere", boot="aaaaaaaaaaaaaaaa", seq=1, at=now, entries=(entry,))
        await asyncio.to_thread(send, self.stack, [report])

    async def limited(self, path: str) -> Answer:
        """The answer once metering has read the report; until then the key is admitted, or in use by that admission."""
        for _ in range(100):
            answer = await self.post(path)
            if answer[0] not in {307, 409}:
                return answer
            await asyncio.sleep(0.1)
        pytest.fail("the report was not metered")


async def test_a_key_that_nobody_was_given(stack: dict[str, Any]) -> None:
    """Whatever its shape: one body, and nothing that tells why."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED)
        for text in ("live_" + "a" * 32, "x", "%2F%2F", "live_" + "a" * 10_000, key.stream):
            assert await api.post(f"/{text}/whip") == golden("INVALID_KEY")


async def test_one_stream_more_than_the_tier_has(stack: dict[str, Any]) -> None:
    """The second key of an account with one stream."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (first, second) = await asyncio.to_thread(api.account, Tier.REGISTERED, 2)

        assert (await api.post(f"/{first.stream_key.reveal()}/whip"))[0] == 307
        assert await api.post(f"/{second.stream_key.reveal()}/whip") == golden("STREAM_LIMIT_REACHED")


async def test_more_bandwidth_than_the_month_has(stack: dict[str, Any]) -> None:
    """50.1 of 50 GB, for an account and without one."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        paying, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED, 1, Overrides(bytes=50 * GB))
        free, (anonymous,) = await asyncio.to_thread(api.account, Tier.ANONYMOUS)
        await api.used(paying, 50_100_000_000)
        await api.used(free, 50_100_000_000)

        assert await api.limited(f"/{key.stream_key.reveal()}/whip") == golden("BANDWIDTH_EXCEEDED")
        assert await api.limited(f"/{anonymous.stream_key.reveal()}/whip") == golden("QUOTA_EXCEEDED")


async def test_a_protocol_without_an_account(stack: dict[str, Any]) -> None:
    """RTMP is for accounts, which get a grant for it."""
    async with aiohttp.ClientSession() as http:
        api = Client(http, stack)
        _, (anonymous,) = await asyncio.to_thread(api.account, Tier.ANONYMOUS)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED)
        question = {"action": "publish", "protocol": "rtmp"}

        assert await api.ask({"key": anonymous.stream_key.reveal(), **question}) == golden("PROTOCOL_NOT_ALLOWED")
        assert (await api.ask({"key": key.stream_key.reveal(), **question}))[0] == 201


async def test_a_key_in_use_and_one_viewer_too_many(stack: dict[str, Any]) -> None:
    """While somebody publishes with the key, and twenty watch; the key is free again as soon as the publisher is gone."""
    video = clip.load(clip.Recipe(seconds=4))
    table = stamps.table(video)
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.REGISTERED)
        whip, whep = f"/{key.stream_key.reveal()}/whip", f"/{key.stream}/whep"
        async with Publisher(host, api.api + whip, video, table), AsyncExitStack() as open_viewers:
            for _ in range(20):
                viewer = await watching(host, api.api + whep, video, table)
                open_viewers.push_async_callback(viewer.close)

            status, body = await api.post(whip)
            assert (status, body.replace(b"node2", b"node1")) == golden("KEY_ALREADY_IN_USE")
            assert await api.post(whep, follow=True) == golden("VIEWER_LIMIT_REACHED")
        assert (await api.post(whip))[0] == 307
