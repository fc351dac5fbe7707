"""A crowd of viewers: real WHEP posts through the API, real DTLS for those who get in; and a proxy that counts DynamoDB."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.peers import peer
from tests.peers.clips import clip
from tests.peers.protocol import whip
from tests.peers.viewer import Viewer
from tests.serving import serving

CALM = clip.Recipe(seconds=4, video_kbps=300, audio_kbps=32, width=320, height=180)
"""What a crowd watches here: admission is what is tested, not forwarding."""


@dataclass(slots=True)
class Crowd:
    """How many viewers got in, and how the others were refused."""

    inside: list[Viewer] = field(default_factory=list)
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By status and body."""

    def leave(self) -> None:
        """All at once, without a word."""
        for viewer in self.inside:
            viewer.vanish()


async def rush(
    host: peer.Host, url: str, video: clip.Clip, table: "memoryview[float]", number: int, seconds: float
) -> Crowd:
    """*number* viewers come within *seconds*, evenly; returns when each is in or refused."""
    crowd = Crowd()

    async def one(delay: float) -> None:
        await asyncio.sleep(delay)
        viewer = Viewer(host, url, video, table)
        try:
            await viewer.connect()
        except whip.Refused as refused:
            crowd.refused[(refused.status, refused.body)] += 1
        else:
            crowd.inside.append(viewer)

    await asyncio.gather(*(one(seconds * n / number) for n in range(number)))
    return crowd


class Counting:
    """Passes DynamoDB's and SSM's calls on to the emulator, and counts them."""

    def __init__(self, emulator: str, http: aiohttp.ClientSession) -> None:
        self._emulator = emulator
        self._http = http
        self.calls: Counter[str] = Counter()
        """By operation; a consistent read is counted as one besides."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Count the request, then pass it on."""
        body = await request.content.read()
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        if service.startswith("DynamoDB"):
            self.calls[operation] += 1
            wanted = json.loads(body)
            if any(each.get("ConsistentRead") for each in (wanted, *wanted.get("RequestItems", {}).values())):
                self.calls["ConsistentRead"] += 1
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        async with self._http.post(self._emulator, data=body, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type", "x-amz-crc32") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def counting(emulator: str) -> AsyncIterator[tuple[str, Counting]]:
    """A counting way to *emulator*: its URL, and what it has counted."""
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        counted = Counting(emulator, http)
        runner = web.ServerRunner(web.Server(counted.handle, access_log=None), shutdown_timeout=0)
        async with serving(runner) as url:
            yield url, counted
