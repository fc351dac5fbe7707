"""Stands between MediaMTX and the control plane: passes its questions on, remembers what was admitted, ends what must end.

MediaMTX's `authHTTPAddress` points here, on loopback, and its API answers us. Nothing is decided here. A control plane
that does not answer lets nobody in, and ends nobody; a MediaMTX that does not answer is asked
again, and its sessions are not reported meanwhile as if they were known to live.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
from aiohttp import web

from sfu.gateway.reporter.admitted import AdmittedSessions
from shared.end_reasons import EndReason
from shared.messages import EndedReport

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
ASK_TIMEOUT: Final = aiohttp.ClientTimeout(total=9)
"""MediaMTX itself waits for 10 s."""
API_TIMEOUT: Final = aiohttp.ClientTimeout(total=3)
MAX_BODY: Final = 16_384
PAGE: Final = 1000


class MediaMtx:
    """The MediaMTX beside this reporter: passes its questions on, watches its sessions, and ends what must end."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        hook_url: str,
        mediamtx_api: str,
        admitted: AdmittedSessions,
        clock: Callable[[], float],
        *,
        on_change: Callable[[], None],
        on_end: Callable[[EndedReport], None],
    ) -> None:
        self._http = http
        self._hook_url = hook_url
        self._api = mediamtx_api.rstrip("/")
        self._admitted = admitted
        self._clock = clock
        self._answers = True
        self._ending: set[asyncio.Task[None]] = set()
        self._on_change = on_change
        self._on_end = on_end

    def application(self) -> web.Application:
        """The HTTP application that MediaMTX's `authHTTPAddress` points to."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/auth", self._ask)
        return app

    async def run(self) -> None:
        """Compare every second with what MediaMTX lists, until cancelled."""
        while True:
            await self.compare()
            await asyncio.sleep(LOOK_SECONDS)

    async def compare(self) -> None:
        """Compare once with what MediaMTX lists: tell of what ended, and end sources that nobody admitted."""
        try:
            paths = await self._paths()
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            if self._answers:
                log.warning("MediaMTX's API does not answer: %r", error)
            self._answers = False
            return
        self._answers = True
        found = self._admitted.compare(paths, self._clock())
        for ended in found.ended:
            log.info("session ended", extra={"session": ended.session, "reason": ended.reason})
            self._on_end(ended)
        self._end(found.unadmitted, EndReason.NOT_ADMITTED)
        if found.began or found.ended:
            self._on_change()

    def end_where(
        self, *, session: str | None = None, stream: str | None = None, account: str | None = None, reason: str
    ) -> int:
        """End what matches and say how many sessions that were (`sfu.control.commands.EndsSessions`)."""
        connections = self._admitted.connections(session=session, stream=stream, account=account)
        self._end(connections, reason)
        return len(connections)

    async def _ask(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            async with self._http.post(
                self._hook_url, data=body, headers={"Content-Type": "application/json"}, timeout=ASK_TIMEOUT,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                status, said = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("the control plane does not answer: %r", error)
            return web.Response(status=503)
        if status == 200:
            self._remember(body, said)
        return web.Response(status=status, body=said, content_type="application/json")

    def _remember(self, asked: bytes, said: bytes) -> None:
        told = json.loads(said)
        if told.get("action") == "publish":
            self._admitted.admit(told, json.loads(asked).get("id") or None, self._clock())

    async def _paths(self) -> list[dict[str, Any]]:
        paths: list[dict[str, Any]] = []
        page, pages = 0, 1
        while page < pages:
            url = f"{self._api}/v3/paths/list"
            wanted = {"page": str(page), "itemsPerPage": str(PAGE)}
            async with self._http.get(url, params=wanted, timeout=API_TIMEOUT, raise_for_status=True) as answer:
                found = await answer.json()
            paths += found["items"]
            page, pages = page + 1, found["pageCount"]
        return paths

    def _end(self, connections: Sequence[tuple[str, str]], reason: str) -> None:
        for kind, identity in connections:
            task = asyncio.get_running_loop().create_task(self._kick(kind, identity, reason))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _kick(self, kind: str, identity: str, reason: str) -> None:
        # rtmpConn -> rtmpconns, rtspSession -> rtspsessions, webRTCSession -> webrtcsessions
        url = f"{self._api}/v3/{kind.lower()}s/kick/{identity}"
        try:
            async with self._http.post(url, timeout=API_TIMEOUT) as answer:
                log.info("ended", extra={"kind": kind, "reason": reason, "status": answer.status})
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("a connection could not be ended: %r", error)
