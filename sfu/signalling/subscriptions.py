"""Event streams of WHEP sessions: `POST /sessions/{secret}/events`, then `GET` and `DELETE` on the Location it answers.

One task looks at all watched streams twice a second, and only while somebody watches; a reader that is slow misses
intermediate states and never makes memory grow. A stream of events ends with its session.
"""

import asyncio
from base64 import b32encode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from sfu.signalling.body import read_body
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.forwarded import origin_of
from sfu.signalling.replies import empty, method_not_allowed, options, refusal
from sfu.signalling.server_events import (
    KNOWN,
    SILENT_MS,
    StreamStatus,
    events_between,
    read_names,
    render_event,
)
from shared.offers import media_type
from shared.refusals import Refused, invalid_request, not_found

LOOK_SECONDS: Final = 0.5
"""Between two looks at the streams that are watched."""
KEEP_ALIVE_SECONDS: Final = 15.0
"""After so much silence a comment is sent, so that no proxy closes the stream."""
MAX_EACH: Final = 4
"""Subscriptions that one session may have."""

_LIST_METHODS = ("POST", "OPTIONS")
_ONE_METHODS = ("GET", "DELETE", "OPTIONS")


@dataclass(eq=False, slots=True)
class Subscription:
    """What one client wants to hear of its stream, until it deletes this or its session ends."""

    secret: str = field(repr=False)
    """The secret of the session's URL, which may end the session."""
    stream: str
    wanted: frozenset[str]
    mid: str
    """The viewer's section of the picture, which `layers` speaks of."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    open: bool = False


class Subscriptions:
    """Answers the requests on the event streams of a node's viewers, and feeds those that are read."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._all: dict[tuple[str, str], Subscription] = {}
        self._told: dict[str, StreamStatus] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        deps.reconnects.subscribe(self._look)

    async def handle_list(self, request: web.Request) -> web.Response:
        """`POST` subscribes to the events that its body names."""
        match request.method:
            case "OPTIONS":
                return options(request, _LIST_METHODS, Accept_Post="application/json")
            case "POST":
                outcome = await self._subscribe(request, request.match_info["secret"])
                return refusal(outcome) if isinstance(outcome, Refused) else outcome
            case method:
                return method_not_allowed(method, _LIST_METHODS)

    async def handle_one(self, request: web.Request) -> web.StreamResponse:
        """`GET` reads the events of a subscription, `DELETE` ends it."""
        match request.method:
            case "OPTIONS":
                return options(request, _ONE_METHODS)
            case "GET" | "DELETE" as method:
                place = (request.match_info["secret"], request.match_info["subscription"])
                subscription = self._all.get(place)
                if subscription is None or self._deps.sessions.find(subscription.secret) is None:
                    return refusal(not_found("There is no such subscription, or its session has ended"))
                if method == "GET":
                    return await self._stream(request, subscription)
                del self._all[place]
                subscription.wake.set()
                return empty(200)
            case method:
                return method_not_allowed(method, _ONE_METHODS)

    async def close(self, _: object = None) -> None:
        """End all streams, when the node stops."""
        self._closed = True
        for one in self._all.values():
            one.wake.set()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _subscribe(self, request: web.Request, secret: str) -> web.Response | Refused:
        session = self._deps.sessions.find(secret)
        if session is None or session.action != "play" or self._deps.reports is None:
            return not_found("There is no such session, or it has no events")
        if media_type(request.headers.get("Content-Type")) != "application/json":
            return invalid_request(
                "Send a JSON array of event names as application/json.",
                status=415,
                headers={"Accept-Post": "application/json"},
            )
        body = await read_body(request, self._deps.body_seconds)
        if isinstance(body, Refused):
            return body
        wanted = read_names(body)
        if wanted is None:
            return invalid_request(f"Send a JSON array of event names out of {', '.join(KNOWN)}.")
        mid = next((media.mid for media in session.negotiated.media if media.kind == "video"), "0")
        self._forget_departed()
        if sum(owner == secret for owner, _ in self._all) >= MAX_EACH:
            return invalid_request(f"A session has at most {MAX_EACH} subscriptions. Delete one.", status=429)
        name = b32encode(self._deps.random_bytes(15)).decode().lower()
        self._all[secret, name] = Subscription(secret, session.stream, wanted, mid)
        origin = origin_of(request.remote or "", request.headers, self._deps.trusted_proxies)
        base_url = origin.base_url or self._deps.public_url
        return empty(201, {"Location": f"{base_url}/sessions/{secret}/events/{name}"})

    def _forget_departed(self) -> None:
        """Without this the subscriptions of ended sessions, which nobody deletes, would stay."""
        find = self._deps.sessions.find
        self._all = {place: one for place, one in self._all.items() if one.open or find(one.secret) is not None}

    async def _stream(self, request: web.Request, subscription: Subscription) -> web.StreamResponse:
        if subscription.open:
            return refusal(invalid_request("These events are being read already.", status=409))
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        subscription.open = True
        reconnects = self._deps.reconnects
        if "reconnect" in subscription.wanted:
            reconnects.begin_listening(subscription.secret)
        try:
            await response.prepare(request)
            # A reader that has left is noticed at the next line that is written to it, and is no error.
            with suppress(ConnectionError):
                await self._tell(response, subscription)
        finally:
            subscription.open = False
            if "reconnect" in subscription.wanted:
                reconnects.end_listening(subscription.secret)
        return response

    async def _tell(self, response: web.StreamResponse, subscription: Subscription) -> None:
        told: StreamStatus | None = None
        self._look()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again())
        while self._lives(subscription):
            subscription.wake.clear()
            status = self._told.get(subscription.stream, StreamStatus())
            for name, data in events_between(told, status, subscription.wanted, subscription.mid):
                await response.write(render_event(name, data))
            told = status
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await subscription.wake.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")

    def _lives(self, subscription: Subscription) -> bool:
        return (
            not self._closed
            and subscription in self._all.values()
            and self._deps.sessions.find(subscription.secret) is not None
        )

    async def _look_again(self) -> None:
        while any(one.open for one in self._all.values()):
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        """See what has changed, and wake whom it concerns."""
        deps, before = self._deps, self._told
        reports = {} if deps.reports is None else {report.stream: report for report in deps.reports()}
        self._told = {}
        for one in self._all.values():
            if not one.open:
                continue
            report = reports.get(one.stream)
            self._told[one.stream] = StreamStatus(
                active=report is not None and report.silent_ms < SILENT_MS,
                viewers=report.viewers if report is not None else 0,
                layers=tuple(deps.layers(one.stream)),
                reconnect=f"{deps.playback_url}/{one.stream}/whep" if one.stream in deps.reconnects.moved else "",
            )
            if self._told[one.stream] != before.get(one.stream) or not self._lives(one):
                one.wake.set()
