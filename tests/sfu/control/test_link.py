"""One conversation with the control plane: what is told to a link reaches its heartbeats and its usage reports."""

import asyncio

from sfu.control.heartbeat_sender import ReportedNode
from sfu.control.link import Link
from shared.messages import EndedReport, Load
from tests.sfu.control.links import Unanswered, Where

NOBODY = ReportedNode(snapshot=lambda: ((), Load()), execute=lambda _command: None)


def _link(http: Unanswered) -> Link:
    return Link(Where(), http, boot="b" * 16, clock=lambda: 1795532400.0, random=lambda: 0.0)


def _ended() -> EndedReport:
    return EndedReport(session="e" * 26, stream="s" * 16, account="demo", action="publish", reason="delete")


async def test_its_tasks_send_heartbeats_and_usage_where_the_settings_say() -> None:
    """Heartbeats to the node's own path of the API, usage to the queue's endpoint."""
    http = Unanswered()
    link = _link(http)
    link.meter.received("demo", 1000, "s" * 16)
    tasks = [asyncio.ensure_future(task()) for task in link.tasks(NOBODY)]
    async with asyncio.timeout(5):
        await http.both.wait()
    for task in tasks:
        task.cancel()

    assert dict(http.asked) == {
        "execute-api": "http://127.0.0.1:9/v1/nodes/node1/heartbeat",
        "sqs": "http://127.0.0.1:9/",
    }
    assert not link.heartbeats.ready


def test_an_end_is_in_the_next_heartbeat() -> None:
    """Whether a session had begun or a grant was merely used up."""
    for tell in (Link.ended, Link.never_began):
        link = _link(Unanswered())
        tell(link, _ended())

        assert link.sequence.begin(1.0, 1.0, (), Load()).ended == (_ended(),)


def test_a_state_is_told_at_once() -> None:
    """The next heartbeat is due immediately after the one before."""
    link = _link(Unanswered())
    link.enter("draining")

    assert link.state == "draining"
    assert link.sequence.begin(1.0, 1.0, (), Load()).state == "draining"
