"""Heartbeats over real HTTP: an API that is away, slow or confused, and how the node catches up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from botocore.credentials import Credentials as Static

from sfu.control.aws import AwsAnswer, AwsCredentials, SignedHttp
from sfu.control.heartbeat import HeartbeatSequence, NodeIdentity
from sfu.control.heartbeat_sender import TIMEOUT, HeartbeatSender, ReportedNode
from sfu.control.keyring import Keyring
from shared.messages import Command, EndedReport, Load, StreamReport
from tests.sfu.fake_control import ACCESS_KEY, REGION, SECRET_KEY, FakeControl, fake_control


class _Running:
    """A sender with its surroundings."""

    def __init__(self, control: FakeControl, http: aiohttp.ClientSession) -> None:
        self.beats = HeartbeatSequence(NodeIdentity("node1", "b" * 16, "http://127.0.0.1:8889", "local", 1.0))
        self.keyring = Keyring()
        self.executed: list[Command] = []
        self.streams: list[StreamReport] = []
        signed = SignedHttp(http, AwsCredentials(lambda: Static(ACCESS_KEY, SECRET_KEY)), REGION)

        async def post(body: bytes) -> AwsAnswer:
            url = f"{control.url}/v1/nodes/node1/heartbeat"
            return await signed.post("execute-api", url, body, {"Content-Type": "application/json"}, TIMEOUT)

        self.sender = HeartbeatSender(self.beats, post, self.keyring, wall_clock=lambda: 1000.0)
        self.reported = ReportedNode(snapshot=lambda: (self.streams, Load()), execute=self.executed.append)


@asynccontextmanager
async def _running(control: FakeControl) -> AsyncIterator[_Running]:
    async with aiohttp.ClientSession() as http:
        running = _Running(control, http)
        task = asyncio.ensure_future(running.sender.run(running.reported))
        try:
            yield running
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def control() -> AsyncIterator[FakeControl]:
    """A control plane that checks signatures."""
    async with fake_control() as control:
        yield control


def _ended() -> EndedReport:
    return EndedReport(session="e" * 26, stream="s" * 16, account="demo", action="play", reason="delete")


async def test_the_first_answer_brings_the_keys_and_makes_the_node_ready(control: FakeControl) -> None:
    """Until then no grant can be checked."""
    async with _running(control) as node:
        assert not _ready(node)
        await control.until(lambda: control.beats)
        assert await node.sender.settle(5)
        assert node.sender.ready
        assert node.keyring.verifier is not None
        assert node.keyring.verifier.kids == {"test"}


async def test_a_change_is_told_long_before_two_seconds_are_over(control: FakeControl) -> None:
    """A begin or an end is known at once."""
    async with _running(control) as node:
        await control.until(lambda: len(control.beats) == 1)
        node.streams = [StreamReport(stream="s" * 16, account="demo", session="x" * 26, epoch=1, since=1.0)]
        node.sender.changed()
        await control.until(lambda: len(control.beats) == 2, seconds=1.9)


def _ready(node: _Running) -> bool:
    return node.sender.ready


def _denied() -> web.Response:
    return web.json_response({"message": "Forbidden"}, status=403)


def _nonsense() -> web.Response:
    return web.Response(text="<html>", content_type="text/html")


def _dropped() -> web.Response:
    raise ConnectionResetError


@pytest.mark.parametrize("trouble", [_denied, _nonsense, _dropped])
async def test_after_an_outage_what_ended_meanwhile_is_told(
    control: FakeControl, trouble: Callable[[], web.Response], caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once when the trouble begins and once when it is over."""
    caplog.set_level("INFO", "sfu.control.heartbeat_sender")
    async with _running(control) as node:
        await control.until(lambda: control.beats)
        assert await node.sender.settle(5)
        control.api = trouble
        node.beats.ended(_ended())
        node.sender.wake()
        await control.until(lambda: node.sender.failed >= 2)
        assert node.sender.ready
        control.api = lambda: None
        await control.until(lambda: control.beats[-1]["ended"])
        assert await node.sender.settle(5)
    assert control.beats[-1]["ended"][0]["session"] == "e" * 26
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


async def test_a_slow_answer_holds_up_no_other_heartbeat_twice(control: FakeControl) -> None:
    """At most one heartbeat is under way, whatever happens meanwhile."""
    control.gate.clear()
    async with _running(control) as node:
        for number in range(10):
            node.beats.ended(_ended().model_copy(update={"session": f"session{number}", "action": "publish"}))
            node.sender.wake()
            await asyncio.sleep(0.01)
        assert node.sender.sent == 1
        control.gate.set()
        await control.until(lambda: len(control.beats) == 2)
        assert node.sender.sent == 2


async def test_a_command_is_carried_out_once_and_acknowledged(control: FakeControl) -> None:
    """The control plane repeats it until it is done."""
    control.commands = [{"id": "c1", "reason": "BANDWIDTH_EXCEEDED", "account": "demo"}]
    async with _running(control) as node:
        await control.until(lambda: not control.commands)
        assert await node.sender.settle(5)
        assert node.executed == [Command(id="c1", reason="BANDWIDTH_EXCEEDED", account="demo")]
        assert control.beats[-1]["done"] == ["c1"]


async def test_an_answer_without_keys_leaves_the_last_known_ones_in_use(control: FakeControl) -> None:
    """A control plane that lost its keys locks nobody out."""
    async with _running(control) as node:
        await control.until(lambda: control.beats)
        control.jwks = {"keys": []}
        node.sender.changed()
        await control.until(lambda: len(control.beats) == 2)
        assert await node.sender.settle(5)
        assert node.keyring.verifier is not None
        assert node.keyring.verifier.kids == {"test"}


async def test_without_any_key_the_node_is_not_ready(control: FakeControl) -> None:
    """A node that knows no key could admit nobody."""
    control.jwks = {"keys": []}
    async with _running(control) as node:
        await control.until(lambda: control.beats)
        assert await node.sender.settle(5)
        assert not _ready(node)


async def test_whoever_waits_for_an_end_to_be_told_is_woken_by_its_answer(
    control: FakeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a DELETE is answered when the slot is free, and not when the wait is over."""
    monkeypatch.setattr("sfu.control.heartbeat_sender.TELLING", 60)
    async with _running(control) as node:
        await control.until(lambda: control.beats)
        node.beats.ended(_ended().model_copy(update={"action": "publish"}))
        node.sender.wake()
        async with asyncio.timeout(15):
            assert await node.sender.told("e" * 26)
        assert any(beat["ended"] for beat in control.beats)


async def test_nobody_waits_long_for_an_end_to_be_told(control: FakeControl) -> None:
    """An outage of the API makes a DELETE half a second slower, no more."""
    control.api = _denied
    async with _running(control) as node:
        node.beats.ended(_ended().model_copy(update={"action": "publish"}))
        async with asyncio.timeout(5):
            assert not await node.sender.told("e" * 26)


async def test_it_says_so_when_the_last_word_was_not_heard(control: FakeControl) -> None:
    """A node that leaves waits for the answer, but not for ever."""
    control.api = _denied
    async with _running(control) as node:
        assert not await node.sender.settle(0.2)
