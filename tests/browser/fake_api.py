"""A control plane that says what a test wants: the real page, and answers from a script.

Served by aiohttp in a thread of its own, so that Playwright's synchronous API can drive the page against it. With a
*node* offers are handed on to a real one, each over a network of its own that a test can make bad.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import ClientSession, web

from functions.public.assets import asset_headers, load, page_headers
from shared.grants import Action
from shared.refusals import Refused
from tests.peers.lossy import Lossy, Network
from tests.serving import serving
from tests.sfu.fake_control import FakeControl, fake_control
from tests.sfu.running_node import RunningNode, running_node

STREAM = "abcdefghijklmnop"
ANONYMOUS_STREAM = "freefreefreefree"
ANONYMOUS_KEY = "anon_" + "b" * 32
KEY = "live_" + "a" * 32
TOKEN = "acct_" + "c" * 32

JsonReply = dict[str, Any]

GOOD = Network(loss=0, delay=0, jitter=0)
CUT = Network(loss=1, delay=0, jitter=0)


@dataclass
class Seen:
    """One request that the page made."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str | None
    body: str = field(repr=False)


class FakeApi:
    """Start it as a context manager; `refuse("whip", …)` scripts the next answers, `seen` has what was asked."""

    def __init__(self, *, node: bool = False) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.streams: dict[str, JsonReply] = {}
        self.account: JsonReply | Refused | None = None
        self.keys: list[JsonReply] = []
        self.refusals: list[JsonReply] = []
        self.usage: JsonReply = {
            "month": "2026-11", "bytes": 0, "received": 0, "sent": 0, "quota_bytes": 0, "days": [], "streams": [],
        }  # fmt: skip
        self.dry_runs: dict[str, JsonReply] = {}
        """By action."""
        self.embedding = ""
        """What `/embedding` shows: the page of another site, when this server plays one."""
        self.node: RunningNode | None = None
        self.control: FakeControl | None = None
        self.networks: list[Lossy] = []
        """Of the sessions that were begun, in their order."""
        self._with_node = node
        self._script: dict[str, deque[Refused]] = defaultdict(deque)
        self._files = load()
        self._served = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def refuse(self, what: str, *refusals: Refused) -> None:
        """Answer the next requests for *what* (`whip`, `whep`, `anonymous`) with *refusals*, one each."""
        self._script[what].extend(refusals)

    def order(self, **command: str) -> None:
        """What the control plane tells the node with its next answer."""
        assert self.control is not None
        self.control.commands.append({"id": f"order-{len(self.seen)}", **command})

    def asked(self, path: str, method: str = "POST") -> list[Seen]:
        """The requests of *method* for *path*."""
        return [one for one in self.seen if one.path == path and one.method == method]

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        for network in self.networks:
            self._loop.call_soon_threadsafe(network.close)
        self._run(self._served.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(40)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._remember])
        app.router.add_get("/", self._page)
        app.router.add_get("/watch", self._page)
        app.router.add_get("/watch/{id}", self._page)
        app.router.add_get("/embedding", self._embedding)
        app.router.add_get("/nothing", self._not_found)
        app.router.add_get("/assets/{version}/{file:.+}", self._asset)
        app.router.add_post("/v1/anonymous", self._anonymous)
        app.router.add_get("/v1/streams/{id}", self._stream)
        app.router.add_get("/v1/account", self._account)
        app.router.add_get("/v1/account/keys", self._keys)
        app.router.add_get("/v1/account/refusals", self._refusals)
        app.router.add_get("/v1/account/usage", self._usage)
        app.router.add_post("/v1/account/dry-run", self._dry_run)
        app.router.add_post("/whip", self._whip)
        app.router.add_post("/{id}/whep", self._whep)
        app.router.add_delete("/sessions/{id:.*}", self._delete)
        # A page that is open still may hold a request up.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        if self._with_node:
            self.control = await self._served.enter_async_context(fake_control())
            self.node = await self._served.enter_async_context(running_node(self.control))
        self.url = await self._served.enter_async_context(serving(runner))

    @web.middleware
    async def _remember(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.text()
        authorization = request.headers.get("Authorization")
        self.seen.append(Seen(request.method, request.path, dict(request.query), authorization, body))
        return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        embeddable = request.path.startswith("/watch/")
        asset = self._files.watch if embeddable else self._files.page
        headers = page_headers(secure=False, embeddable=embeddable)
        return web.Response(text=asset.body, headers={**headers, "Content-Type": asset.content_type})

    async def _not_found(self, _: web.Request) -> web.Response:
        asset = self._files.not_found
        headers = {**page_headers(secure=False, embeddable=False), "Content-Type": asset.content_type}
        return web.Response(status=404, text=asset.body, headers=headers)

    async def _embedding(self, _: web.Request) -> web.Response:
        return web.Response(text=self.embedding, content_type="text/html")

    async def _asset(self, request: web.Request) -> web.Response:
        asset = self._files.named[request.match_info["file"]]
        return web.Response(
            text=asset.body,
            headers={**asset_headers(self._files, request.match_info["version"]), "Content-Type": asset.content_type},
        )

    def _next(self, what: str) -> web.Response | None:
        script = self._script[what]
        return _refusal(script.popleft()) if script else None

    async def _anonymous(self, _: web.Request) -> web.Response:
        return self._next("anonymous") or web.json_response(
            {
                "stream_key": ANONYMOUS_KEY,
                "stream_id": ANONYMOUS_STREAM,
                "whip": f"{self.url}/whip",
                "whep": f"{self.url}/{ANONYMOUS_STREAM}/whep",
            },
            status=201,
        )

    async def _stream(self, request: web.Request) -> web.Response:
        stream = request.match_info["id"]
        beats = self.control.beats if self.control is not None else []
        live = bool(beats) and any(report["stream"] == stream for report in beats[-1]["streams"])
        known = {"stream_id": stream, "live": live, "viewers": 0, "limit": 20, "since": None}
        return self._next("stream") or web.json_response(self.streams.get(stream, known))

    async def _account(self, _: web.Request) -> web.Response:
        assert self.account is not None
        return _refusal(self.account) if isinstance(self.account, Refused) else web.json_response(self.account)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": self.keys})

    async def _usage(self, _: web.Request) -> web.Response:
        return web.json_response(self.usage)

    async def _dry_run(self, request: web.Request) -> web.Response:
        return web.json_response(self.dry_runs[(await request.json())["action"]])

    async def _refusals(self, _: web.Request) -> web.Response:
        return web.json_response({"refusals": self.refusals})

    async def _whip(self, request: web.Request) -> web.StreamResponse:
        return self._next("whip") or await self._hand_on(request, STREAM, "whip")

    async def _whep(self, request: web.Request) -> web.StreamResponse:
        return self._next("whep") or await self._hand_on(request, request.match_info["id"], "whep")

    async def _delete(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _hand_on(self, request: web.Request, stream: str, protocol: str) -> web.Response:
        assert self.node is not None, "no refusal was scripted, and there is no node"
        network = Lossy(GOOD)
        _, port = await network.open(("127.0.0.1", self.node.udp_port))
        self.networks.append(network)
        action = Action.PUBLISH if protocol == "whip" else Action.PLAY
        url = self.node.grant_url(action, stream=stream, epoch=len(self.networks))
        headers = {"Content-Type": "application/sdp"}
        async with ClientSession() as client, client.post(url, data=await request.read(), headers=headers) as answer:
            kept = {
                name: answer.headers[name] for name in ("Content-Type", "Location", "Link") if name in answer.headers
            }
            sdp = (await answer.text()).replace(f" {self.node.udp_port} typ ", f" {port} typ ")
            return web.Response(status=answer.status, text=sdp, headers={**kept, "WHEP": f"{self.url}/{stream}/whep"})


def _refusal(refused: Refused) -> web.Response:
    return web.Response(status=refused.status, body=refused.json(), headers=refused.headers())
