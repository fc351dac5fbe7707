"""A node stops in an order that loses neither a session's bytes nor the control plane's trust."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sfu.control.heartbeat_sender import ReportedNode
from sfu.control.link import Link
from sfu.node.shutdown import Shutdown, drain
from shared.messages import Load
from tests.sfu.control.links import Answering, Where

IDLE = ReportedNode(snapshot=lambda: ((), Load()), execute=lambda _command: None)


@asynccontextmanager
async def _running(http: Answering) -> AsyncIterator[Link]:
    """A link whose heartbeats and usage reports are sent."""
    link = Link(Where(), http, boot="b" * 16, clock=lambda: 1795532400.0, random=lambda: 0.0)
    tasks = [asyncio.ensure_future(task()) for task in link.tasks(IDLE)]
    try:
        yield link
    finally:
        for task in tasks:
            task.cancel()


class _Node:
    """Sessions that leave when they are ended, and the order of what was done."""

    def __init__(self, sessions: int) -> None:
        self.left = sessions
        self.done: list[str] = []

    async def last_call(self) -> None:
        """Note that viewers were told to go."""
        self.done.append("last call")

    async def end_sessions(self) -> None:
        """End every session, and note it."""
        self.done.append("end")
        self.left = 0


async def _drained(node: _Node, seconds: float) -> list[str]:
    """The states that the control plane was told while *node* was drained within *seconds*."""
    http = Answering()
    async with _running(http) as link:
        await drain(
            seconds=seconds,
            sessions=lambda: node.left,
            last_call=node.last_call,
            end_sessions=node.end_sessions,
            link=link,
        )
    return [beat["state"] for beat in map(json.loads, http.bodies) if "state" in beat]


async def test_an_empty_node_says_that_it_drains_and_then_that_it_stopped() -> None:
    """Nobody is placed on it in between, and nobody has to be sent away."""
    node = _Node(0)
    states = await _drained(node, 5)

    assert [state for state in dict.fromkeys(states) if state != "serving"] == ["draining", "stopped"]
    assert node.done == ["end"]


async def test_who_is_left_when_the_time_is_over_is_told_and_ended() -> None:
    """First the last call, then the end, and only then the last report."""
    node = _Node(2)
    states = await _drained(node, 0.1)

    assert node.done == ["last call", "end"]
    assert states[-1] == "stopped"


async def test_the_first_signal_drains_and_the_second_forces() -> None:
    """Whoever cannot wait presses Ctrl-C again."""
    shutdown = Shutdown()
    shutdown.signalled()
    assert (shutdown.draining, shutdown.forced.is_set()) == (True, False)

    shutdown.signalled()
    assert shutdown.forced.is_set()
