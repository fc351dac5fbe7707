"""A control plane of one page: answers a node's heartbeats and takes its usage, so that the bench needs no stack.

Grants are signed here with a key made for the run; signatures of requests (SigV4) are not looked at.
"""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from shared.grants import GRANT_SECONDS, WEBRTC, Action, Claims, SigningKey, public_jwks, sign
from shared.keys import new_session_id
from shared.messages import UsageReport
from tests.serving import serving

ACCOUNT = "bench"
NODE = "bench1"


@dataclass
class FakeApi:
    """What the node said, and how to make it accept somebody."""

    url: str = ""
    boot: str = ""
    key: SigningKey = field(default_factory=lambda: SigningKey("bench", secrets.token_bytes(32)))
    beats: int = 0
    usage: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    """(account, month, boot) -> the highest totals (received, sent) that were reported."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def grant(self, stream: str, action: Action, *, epoch: int = 1) -> str:
        """A grant for *stream*, good for one session on the node that beats here."""
        now = time.time()
        return sign(
            Claims(
                node=NODE,
                boot=self.boot,
                account=ACCOUNT,
                stream=stream,
                session=new_session_id(secrets.token_bytes),
                action=action,
                epoch=epoch if action is Action.PUBLISH else 0,
                issued_at=now,
                expires_at=now + GRANT_SECONDS,
                tier="studio_pro",
                max_viewers=1000,
                max_kbps=100_000,
                protocol=WEBRTC[action],
            ),
            self.key,
        )

    async def heartbeat(self, request: web.Request) -> web.Response:
        """Answer with the key and no commands."""
        beat = await request.json()
        self.boot = beat["boot"]
        self.beats += 1
        self.ready.set()
        return web.json_response({"v": 1, "lease_seconds": 10, "keys": public_jwks([self.key]), "commands": []})

    async def queue(self, request: web.Request) -> web.Response:
        """SendMessage and SendMessageBatch: merge the totals as the metering function does."""
        body = json.loads(await request.text())
        for entry in body.get("Entries", [body]):
            report = UsageReport.model_validate_json(entry["MessageBody"])
            for usage in report.entries:
                place = usage.account, usage.month, report.boot
                received, sent = self.usage.get(place, (0, 0))
                self.usage[place] = max(received, usage.received), max(sent, usage.sent)
        digest = hashlib.md5(body.get("MessageBody", "").encode(), usedforsecurity=False).hexdigest()
        return web.json_response({"MessageId": secrets.token_hex(8), "MD5OfMessageBody": digest, "Successful": []})

    def totals(self) -> tuple[int, int]:
        """(received, sent) over all months and boots."""
        return sum(r for r, _ in self.usage.values()), sum(s for _, s in self.usage.values())


@asynccontextmanager
async def fake_api() -> AsyncIterator[FakeApi]:
    """A `FakeApi` that listens on loopback while the block lasts."""
    api = FakeApi()
    app = web.Application()
    app.router.add_post("/v1/nodes/{id}/heartbeat", api.heartbeat)
    app.router.add_post("/{tail:.*}", api.queue)
    async with serving(web.AppRunner(app, access_log=None)) as api.url:
        yield api
