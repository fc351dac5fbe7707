"""Event streams over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from sfu.layers import Layer
from sfu.signalling.app import make_app
from sfu.signalling.listener import Listener
from sfu.signalling.subscriptions import MAX_EACH
from shared.grants import Action
from shared.messages import StreamReport
from tests.sfu.raw_http import Answer, ask, read_answer, request
from tests.sfu.signalling.fakes import NOW, PUBLIC_URL, STREAM, Node, grant, offer_text

ACTIVE = StreamReport(
    stream=STREAM, account="demo", session="p", epoch=1, viewers=1, max_viewers=20, since=NOW, silent_ms=20, kbps=1
)


class Watching:
    """A node with one viewer."""

    def __init__(self) -> None:
        self.node = Node(reports=[ACTIVE])
        self.layers: tuple[Layer, ...] = ()
        count = iter(range(1, 100))
        self.deps = self.node.deps(
            playback_url="https://api.example",
            layers=lambda _stream: self.layers,
            random_bytes=lambda size: bytes([next(count)] * size),
        )
        self.listener = Listener(make_app(self.deps))
        self.port = 0
        self.link = ""

    async def begin(self) -> None:
        """Watch, and note the events' address."""
        self.port = await self.listener.open("127.0.0.1", 0)
        target = f"/{STREAM}/whep?grant={grant(Action.PLAY)}"
        answer = await self.ask("POST", target, offer_text("chrome-view"), "application/sdp")
        self.link = answer["Link"]

    async def ask(self, method: str, target: str, body: str = "", content_type: str | None = None) -> Answer:
        """Send one request to the node."""
        return await ask(self.port, request(method, target, body, Content_Type=content_type))

    async def subscribe(self, *names: str) -> str:
        """The path of a new subscription."""
        answer = await self.ask("POST", "/sessions/secret1/events", json.dumps(names), "application/json")
        assert answer.status == 201
        return urlsplit(answer["Location"]).path


class Stream:
    """An event stream that is being read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def next(self) -> bytes:
        """The next chunk: one event; empty at the end."""
        async with asyncio.timeout(10):
            size = int(await self._reader.readline(), 16)
            chunk = await self._reader.readexactly(size)
            await self._reader.readline()
            return chunk


async def listen(port: int, path: str) -> Stream:
    """Open the event stream *path*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", path, Accept="text/event-stream"))
    answer = await read_answer(reader)
    assert (answer.status, answer["Content-Type"]) == (200, "text/event-stream")
    assert answer["Access-Control-Allow-Origin"] == "*"
    return Stream(reader, writer)


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    """A node that serves, with a viewer."""
    one = Watching()
    await one.begin()
    yield one
    await one.listener.close()


async def test_1a_09_the_extension_is_linked_on_the_201(watching: Watching) -> None:
    """One Link field, with the address of this session's events."""
    assert watching.link == (
        f'<{PUBLIC_URL}/sessions/secret1/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events";'
        ' events="active,inactive,viewercount,reconnect,layers"'
    )


async def test_1b_12_a_reader_hears_the_state_and_its_changes(watching: Watching) -> None:
    """Viewers, silence, and where to go when the node is being stopped."""
    stream = await listen(watching.port, await watching.subscribe("active", "inactive", "viewercount", "reconnect"))

    first = [await stream.next(), await stream.next()]
    watching.node.reports[:] = [ACTIVE.model_copy(update={"viewers": 2})]
    more = [await stream.next()]
    watching.node.reports.clear()
    watching.deps.reconnects.set(frozenset({STREAM}))
    more += [await stream.next(), await stream.next(), await stream.next()]

    assert first == [b"event: active\ndata: {}\n\n", b'event: viewercount\ndata: {"viewercount":1}\n\n']
    assert more == [
        b'event: viewercount\ndata: {"viewercount":2}\n\n',
        b"event: inactive\ndata: {}\n\n",
        b'event: viewercount\ndata: {"viewercount":0}\n\n',
        f'event: reconnect\ndata: {{"url":"https://api.example/{STREAM}/whep"}}\n\n'.encode(),
    ]
    stream.writer.close()


async def test_1b_12_a_reader_hears_of_layers_that_begin_and_stop(watching: Watching) -> None:
    """By the viewer's own section, with what each carries; a change of bitrate is no event."""
    watching.layers = (Layer("h", 0, active=True, bitrate=2_000_000), Layer("l", 1, active=True, bitrate=300_000))
    stream = await listen(watching.port, await watching.subscribe("layers"))
    both = json.loads((await stream.next()).partition(b"data: ")[2])
    watching.layers = (Layer("h", 0, active=True, bitrate=2_500_000), Layer("l", 1, active=True, bitrate=250_000))
    await asyncio.sleep(0.7)
    watching.layers = (Layer("h", 0, active=False), Layer("l", 1, active=True, bitrate=280_000))
    one = json.loads((await stream.next()).partition(b"data: ")[2])

    assert [layer["id"] for layer in both["0"]["active"]] == ["h", "l"]
    assert one == {
        "0": {
            "active": [{"id": "l", "simulcastIdx": 1, "bitrate": 280_000}],
            "inactive": [{"id": "h", "simulcastIdx": 0}],
            "layers": [{"encodingId": "l", "simulcastIdx": 1, "bitrate": 280_000}],
        }
    }
    stream.writer.close()


async def test_1b_12_a_deleted_subscription_ends_its_stream(watching: Watching) -> None:
    """And a later GET finds nothing."""
    path = await watching.subscribe("active")
    stream = await listen(watching.port, path)
    await stream.next()

    deleted = await watching.ask("DELETE", path)

    assert deleted.status == 200
    assert await stream.next() == b""
    assert (await watching.ask("GET", path)).status == 404
    stream.writer.close()


async def test_events_end_with_their_session(watching: Watching) -> None:
    """It does not matter how the session ended."""
    path = await watching.subscribe("active")
    stream = await listen(watching.port, path)
    await stream.next()

    watching.deps.sessions.ended("session1", NOW)

    assert await stream.next() == b""
    assert (await watching.ask("GET", path)).status == 404
    stream.writer.close()


async def test_a_reader_that_leaves_is_no_error(watching: Watching, caplog: pytest.LogCaptureFixture) -> None:
    """It is noticed soon after the next event, and its subscription can be read again."""
    path = await watching.subscribe("viewercount")
    stream = await listen(watching.port, path)
    await stream.next()
    stream.writer.transport.abort()

    viewers = 1
    async with asyncio.timeout(10):
        while (await watching.ask("GET", path)).status == 409:
            viewers += 1
            watching.node.reports[:] = [ACTIVE.model_copy(update={"viewers": viewers})]

    assert caplog.records == []


async def test_one_reader_a_subscription(watching: Watching) -> None:
    """A second one is a 409."""
    path = await watching.subscribe("active")
    stream = await listen(watching.port, path)

    assert (await watching.ask("GET", path)).status == 409
    stream.writer.close()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [('["nonsense"]', "application/json", 400), ("x", "application/json", 400), ('["active"]', "text/plain", 415)],
)
async def test_1b_12_a_bad_subscription_is_refused(
    watching: Watching, body: str, content_type: str, status: int
) -> None:
    """An unknown event, no JSON, another type."""
    answer = await watching.ask("POST", "/sessions/secret1/events", body, content_type)

    assert answer.status == status


async def test_subscriptions_are_bounded(watching: Watching) -> None:
    """And belong to a viewer's session that exists."""
    for _ in range(MAX_EACH):
        await watching.subscribe("active")
    answers = [
        await watching.ask("POST", "/sessions/secret1/events", '["active"]', "application/json"),
        await watching.ask("POST", "/sessions/unknown/events", '["active"]', "application/json"),
        await watching.ask("GET", "/sessions/secret1/events/unknown"),
        await watching.ask("PUT", "/sessions/secret1/events"),
        await watching.ask("PUT", "/sessions/secret1/events/x"),
    ]

    assert [answer.status for answer in answers] == [429, 404, 404, 405, 405]


async def test_a_preflight_of_a_subscription_is_allowed(watching: Watching) -> None:
    """Its body is JSON, so browsers ask."""
    answers = [await watching.ask("OPTIONS", f"/sessions/secret1/events{tail}") for tail in ("", "/x")]

    assert [answer.status for answer in answers] == [200, 200]
