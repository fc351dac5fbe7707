"""The reporter passes MediaMTX's questions on, tells of what ended, and ends what nobody admitted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sfu.gateway.reporter.admitted import AdmittedSessions
from sfu.gateway.reporter.mediamtx import MediaMtx
from shared.messages import EndedReport  # noqa: TC001 - annotations are one rule for all imports
from tests.sfu.media_harness import Totals

QUESTION = {"action": "publish", "path": "s1", "id": "c1"}
ADMITTED = {"action": "publish", "stream": "s1", "session": "a" * 26, "account": "acme", "epoch": 1, "limits": {}}


class _World:
    """The control plane's hook and MediaMTX's API in one server, and what the reporter told."""

    def __init__(self) -> None:
        self.status = 200
        self.paths: list[dict[str, Any]] = []
        self.kicked: list[str] = []
        self.kick = asyncio.Event()
        self.ended: list[EndedReport] = []
        self.changes = 0
        self.app = web.Application()
        self.app.add_routes(
            [
                web.post("/hook", self._hook),
                web.get("/v3/paths/list", self._list),
                web.post("/v3/{kind}/kick/{id}", self._kick),
            ]
        )

    async def _hook(self, _: web.Request) -> web.Response:
        return web.json_response(ADMITTED if self.status == 200 else {"code": "INVALID_KEY"}, status=self.status)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"items": self.paths, "pageCount": 1})

    async def _kick(self, request: web.Request) -> web.Response:
        self.kicked.append(f"{request.match_info['kind']} {request.match_info['id']}")
        self.kick.set()
        return web.Response()

    def changed(self) -> None:
        """Count a change that the reporter told."""
        self.changes += 1


@pytest.fixture
async def world() -> _World:
    """Both neighbours of the reporter."""
    return _World()


@pytest.fixture
async def mediamtx(world: _World) -> AsyncIterator[MediaMtx]:
    """The reporter's MediaMTX, between both neighbours."""
    async with TestServer(world.app) as server, aiohttp.ClientSession() as http:
        base = str(server.make_url("")).rstrip("/")
        yield MediaMtx(
            http,
            f"{base}/hook",
            base,
            AdmittedSessions(Totals()),
            lambda: 100.0,
            on_change=world.changed,
            on_end=world.ended.append,
        )


def _source(identity: str) -> dict[str, Any]:
    return {"name": "s1", "source": {"type": "rtmpConn", "id": identity}, "readers": []}


async def _ask(mediamtx: MediaMtx) -> int:
    async with TestClient(TestServer(mediamtx.application())) as client:
        return (await client.post("/auth", json=QUESTION)).status


async def test_an_admitted_publisher_is_told_when_it_begins_and_when_it_is_gone(
    world: _World, mediamtx: MediaMtx
) -> None:
    """Between both it is a session as any node's."""
    assert await _ask(mediamtx) == 200
    world.paths = [_source("c1")]
    await mediamtx.compare()
    assert (world.changes, world.ended, world.kicked) == (1, [], [])

    world.paths = []
    await mediamtx.compare()
    assert [(one.session, one.reason) for one in world.ended] == [("a" * 26, "gone")]
    assert world.changes == 2


async def test_a_refusal_is_passed_on_and_admits_nobody(world: _World, mediamtx: MediaMtx) -> None:
    """A source that comes nevertheless is ended by MediaMTX's API."""
    world.status = 401
    assert await _ask(mediamtx) == 401
    world.paths = [_source("c1")]
    await mediamtx.compare()
    async with asyncio.timeout(5):
        await world.kick.wait()

    assert world.kicked == ["rtmpconns c1"]


async def test_a_command_ends_the_connection(world: _World, mediamtx: MediaMtx) -> None:
    """And says how many that were."""
    await _ask(mediamtx)
    world.paths = [_source("c1")]
    await mediamtx.compare()
    assert mediamtx.end_where(account="acme", reason="admin") == 1
    async with asyncio.timeout(5):
        await world.kick.wait()

    assert world.kicked == ["rtmpconns c1"]
    assert mediamtx.end_where(stream="other", reason="admin") == 0


async def test_nobody_is_let_in_while_the_control_plane_is_away(mediamtx: MediaMtx) -> None:
    """MediaMTX hears that it is to ask again."""
    mediamtx._hook_url = "http://127.0.0.1:1/hook"

    assert await _ask(mediamtx) == 503


async def test_sessions_live_on_while_mediamtx_does_not_answer(
    world: _World, mediamtx: MediaMtx, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not known to have ended has not; the log says once that nobody answers."""
    await _ask(mediamtx)
    world.paths = [_source("c1")]
    await mediamtx.compare()
    mediamtx._api = "http://127.0.0.1:1"
    await mediamtx.compare()
    await mediamtx.compare()

    assert world.ended == []
    assert sum("does not answer" in record.message for record in caplog.records) == 1
