"""A control plane for tests: a real HTTP server that checks signatures, and can be away, slow, or of another mind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from shared.grants import SigningKey, public_jwks
from tests.ports import free_port
from tests.serving import serving

REGION = "eu-west-1"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNER = SigningKey("test", bytes(range(32)))


def signed_for(request: web.Request, body: bytes) -> str | None:
    """The service that *request* is signed for with our secret, as botocore recomputes it; None: it is not."""
    authorization = request.headers.get("Authorization", "")
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    if len(scope) != 5 or scope[0] != ACCESS_KEY or scope[2] != REGION:
        return None
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    again = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['Host']}{request.raw_path}",
        data=body,
        headers={name: request.headers[name] for name in names if name != "host"},
    )
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(ReadOnlyCredentials(ACCESS_KEY, SECRET_KEY, None), scope[3], REGION)
    right = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    return scope[3] if authorization.endswith(f"Signature={right}") else None


@dataclass
class FakeControl:
    """What was heard, and how it shall be answered."""

    port: int
    beats: list[dict[str, Any]] = field(default_factory=list)
    usage: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Requests whose signature was wrong."""
    commands: list[dict[str, Any]] = field(default_factory=list)
    grants_asked: int = 0
    """Sent with every answer until they are reported as done."""
    jwks: Mapping[str, Any] = field(default_factory=lambda: public_jwks([SIGNER]))
    api: Callable[[], web.Response | None] = lambda: None
    """What to answer to a heartbeat instead of 200; raise ConnectionResetError to drop it."""
    queue: Callable[[], web.Response | None] = lambda: None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing is answered while it is cleared."""
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def url(self) -> str:
        """Where the API is, and the queue's endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def queue_url(self) -> str:
        """The queue that usage goes to."""
        return f"{self.url}/000000000000/usage"

    def environ(self, **more: str) -> dict[str, str]:
        """A node's environment that leads here."""
        return {
            "SLUICE_NODE_ID": "node1",
            "SLUICE_API_URL": self.url,
            "SLUICE_QUEUE_URL": self.queue_url,
            "SLUICE_PUBLIC_URL": "http://127.0.0.1:8889",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            **more,
        }

    async def until(self, holds: Callable[[], object], seconds: float = 15) -> None:
        """Wait until *holds* after some request."""
        async with asyncio.timeout(seconds), self._heard:
            await self._heard.wait_for(lambda: bool(holds()))

    async def heartbeat(self, request: web.Request) -> web.Response:
        """Answer `POST /v1/nodes/{id}/heartbeat`, behind IAM."""
        body = await request.read()
        if signed_for(request, body) != "execute-api":
            self.refused.append(request.path)
            return web.json_response({"message": "Forbidden"}, status=403)
        answer = await self._answer(request, self.api)
        if answer is None:
            beat = json.loads(body)
            self.beats.append(beat)
            self.commands = [command for command in self.commands if command["id"] not in beat["done"]]
            answer = web.json_response({"v": 1, "lease_seconds": 10, "keys": self.jwks, "commands": self.commands})
        await self._tell()
        return answer

    async def grants(self, request: web.Request) -> web.Response:
        """Every key is unknown here."""
        self.grants_asked += 1
        await request.read()
        return web.json_response({"error": "Unknown stream key.", "code": "INVALID_KEY"}, status=401)

    async def message(self, request: web.Request) -> web.Response:
        """SQS SendMessage in the JSON protocol."""
        body = await request.read()
        if signed_for(request, body) != "sqs" or request.headers["X-Amz-Target"] != "AmazonSQS.SendMessage":
            self.refused.append(request.path)
            return web.json_response({"__type": "AccessDenied"}, status=403)
        answer = await self._answer(request, self.queue)
        if answer is None:
            sent = json.loads(body)
            assert sent["QueueUrl"] == self.queue_url
            self.usage.append(json.loads(sent["MessageBody"]))
            answer = web.json_response({"MessageId": "1"})
        await self._tell()
        return answer

    def billed(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Bytes received and sent per (account, month), merged as the metering function merges them."""
        shards: dict[tuple[str, str, str], tuple[int, int]] = {}
        for report in self.usage:
            for entry in report["entries"]:
                key = (entry["account"], entry["month"], report["boot"])
                received, sent = shards.get(key, (0, 0))
                shards[key] = (max(received, entry["received"]), max(sent, entry["sent"]))
        total: dict[tuple[str, str], tuple[int, int]] = {}
        for (account, month, _), (received, sent) in shards.items():
            before = total.get((account, month), (0, 0))
            total[account, month] = (before[0] + received, before[1] + sent)
        return total

    async def _answer(self, request: web.Request, decide: Callable[[], web.Response | None]) -> web.Response | None:
        await self.gate.wait()
        try:
            return decide()
        except ConnectionResetError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)

    async def _tell(self) -> None:
        async with self._heard:
            self._heard.notify_all()


@asynccontextmanager
async def fake_control(port: int | None = None) -> AsyncIterator[FakeControl]:
    """A control plane on *port* of the loopback, or on any free one."""
    control = FakeControl(port or free_port())
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/nodes/{id}/heartbeat", control.heartbeat),
            web.post("/", control.message),
            web.post("/v1/grants", control.grants),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with serving(runner, control.port):
        yield control
