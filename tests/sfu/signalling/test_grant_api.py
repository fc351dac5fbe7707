"""Grants from the API, over real HTTP to an API that a test makes up."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from sfu.signalling.grant_api import GrantApi
from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.refusals import Code, Refused
from tests.serving import serving
from tests.sfu.signalling.fakes import KEY, NODE, STREAM

WANTED = WantedGrant("publish", "whip", key=KEY, force=True, region="eu")


class Api:
    """Answers `POST /v1/grants` with what a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 201
        self.body = b""
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, object]] = []
        self.client: GrantApi

    async def grants(self, request: web.Request) -> web.Response:
        """Answer the one endpoint that there is."""
        self.asked.append(await request.json())
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An API on a real port, and a client that asks it."""
    one, app = Api(), web.Application()
    app.router.add_post("/stage/v1/grants", one.grants)
    async with serving(web.AppRunner(app)) as url, aiohttp.ClientSession() as session:
        one.client = GrantApi(session, f"{url}/stage/", NODE)
        yield one


async def test_a_grant_is_taken_apart(api: Api) -> None:
    """The stream is the one in the URL; unknown fields do not matter."""
    url = f"http://192.0.2.9:8889/{STREAM}/whip"
    api.body = json.dumps({"grant": "a.b.c", "url": url, "node": "node2", "session": "s", "new": 1}).encode()

    assert await api.client(WANTED) == Granted("a.b.c", url, "node2", STREAM)
    assert api.asked == [
        {
            "key": KEY,
            "action": "publish",
            "protocol": "whip",
            "force": True,
            "wait": False,
            "region": "eu",
            "node": NODE,
        }
    ]


async def test_a_viewer_is_asked_for_by_stream(api: Api) -> None:
    """And no key is made up."""
    await api.client(WantedGrant("play", "whep", stream=STREAM))

    assert api.asked[0] == {
        "stream": STREAM,
        "action": "play",
        "protocol": "whep",
        "force": False,
        "wait": False,
        "region": None,
        "node": NODE,
    }


async def test_a_refusal_is_kept_to_the_byte(api: Api) -> None:
    """With the fields that belong to it, and no others."""
    api.status, api.body = 429, b'{ "error": "x", "code": "STREAM_LIMIT_REACHED" }'
    api.headers = {"Content-Type": "application/json", "Retry-After": "3", "X-Secret": "y"}

    outcome = await api.client(WANTED)

    assert outcome == ApiRefusal(429, api.body, {"Content-Type": "application/json", "Retry-After": "3"})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, b"{}"),
        (201, b"[]"),
        (201, b'{"grant": "x", "url": "nothing", "node": "n"}'),
        (201, b'{"grant": 1, "url": "http://n/s/whip", "node": "n"}'),
        (201, b"not json"),
        (200, b'{"code": "X"}'),
        (500, b"Internal Server Error"),
        (502, b'{"message": "Bad gateway"}'),
        (403, b'{"message": "Forbidden"}'),
        (302, b""),
        (429, b"x" * 100_000),
        (400, b"[" * 10_000),
    ],
)
async def test_anything_else_is_unavailable(api: Api, status: int, body: bytes) -> None:
    """API Gateway's own errors among them: the client may come again."""
    api.status, api.body = status, body
    api.headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}

    outcome = await api.client(WANTED)

    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.status) == (Code.UNAVAILABLE, 503)
    assert len(api.asked) == 1


async def test_an_api_that_does_not_answer_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing listens there; no key gets into the log."""
    async with aiohttp.ClientSession() as session:
        outcome = await GrantApi(session, "http://127.0.0.1:1", NODE)(WANTED)

    assert isinstance(outcome, Refused)
    assert outcome.code is Code.UNAVAILABLE
    assert caplog.messages
    assert KEY not in caplog.text
    assert KEY not in repr(WANTED)
