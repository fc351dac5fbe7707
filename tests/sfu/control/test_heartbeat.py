"""What a heartbeat says and when it leaves, without a network."""

from typing import Literal

import pytest

from sfu.control.heartbeat import (
    FREED_PER_BEAT,
    INTERVAL,
    MAX_ENDED,
    PER_BEAT,
    RETRY,
    SOON,
    SPACING,
    HeartbeatSequence,
    NodeIdentity,
)
from shared.messages import Command, EndedReport, Heartbeat, HeartbeatReply, Load, StreamReport

LOAD = Load(publishers=1, viewers=2, max_sessions=400)
STREAM = StreamReport(stream="s" * 16, account="demo", session="x" * 26, epoch=3, since=90.0, max_viewers=20)


def _heartbeats() -> HeartbeatSequence:
    return HeartbeatSequence(NodeIdentity("node1", "b" * 16, "http://127.0.0.1:8889", "local", 50.0))


def _beat(beats: HeartbeatSequence, now: float) -> Heartbeat:
    return beats.begin(now, 1000.0 + now, [STREAM], LOAD)


def _ended(session: str = "e" * 26) -> EndedReport:
    return EndedReport(session=session, stream="s" * 16, account="demo", action="publish", reason="delete")


def _command(identifier: str) -> Command:
    return Command(id=identifier, reason="admin", session="x" * 26)


def _reply(*commands: Command) -> HeartbeatReply:
    return HeartbeatReply(commands=commands)


def test_it_says_who_we_are_and_everything_that_is_live() -> None:
    """The whole list of streams is in every heartbeat."""
    assert _beat(_heartbeats(), 10.0).model_dump(exclude={"load", "streams"}) == {
        "v": 1,
        "node": "node1",
        "boot": "b" * 16,
        "at": 1010.0,
        "url": "http://127.0.0.1:8889",
        "region": "local",
        "state": "serving",
        "kind": "sfu",
        "started_at": 50.0,
        "ended": (),
        "done": (),
        "waiting": (),
    }


def test_the_first_one_leaves_at_once_and_the_next_after_two_seconds() -> None:
    """A quiet node is heard of every two seconds."""
    beats = _heartbeats()
    assert (beats.due() or 0) <= 10.0
    _beat(beats, 10.0)
    beats.answered(_reply())
    assert beats.due() == 10.0 + INTERVAL


def test_a_publisher_that_began_is_told_at_once_but_not_within_100_ms_of_the_one_before() -> None:
    """A burst of them is one heartbeat."""
    beats = _heartbeats()
    _beat(beats, 10.0)
    beats.answered(_reply())
    for number in range(50):
        beats.streams_changed([STREAM, STREAM.model_copy(update={"session": f"session{number}"})])
    assert beats.due() == 10.0 + SPACING


@pytest.mark.parametrize(
    ("change", "pause"),
    [
        ({"silent_ms": 501}, SPACING),
        ({"viewers": 20}, SPACING),
        ({"session": "y" * 26}, SPACING),
        ({"viewers": 7}, SOON),
        ({"silent_ms": 90}, SOON),
    ],
)
def test_only_what_decides_something_is_told_at_once(change: dict[str, object], pause: float) -> None:
    """Viewers who come and go are told within a second: a busy node is not ten calls a second."""
    beats = _heartbeats()
    _beat(beats, 10.0)
    beats.answered(_reply())
    beats.streams_changed([STREAM.model_copy(update=change)])
    assert beats.due() == 10.0 + pause


def test_only_one_is_under_way_and_a_change_meanwhile_waits_for_its_answer() -> None:
    """What changed after it left is in the next one."""
    beats = _heartbeats()
    _beat(beats, 10.0)
    beats.streams_changed([])
    assert beats.due() is None
    with pytest.raises(RuntimeError):
        _beat(beats, 10.1)
    beats.answered(_reply())
    assert beats.due() == 10.0 + SPACING


@pytest.mark.parametrize(("action", "pause"), [("publish", SPACING), ("play", SOON)])
def test_the_end_of_a_publisher_is_more_urgent_than_of_a_viewer(
    action: Literal["publish", "play"], pause: float
) -> None:
    """The one frees a slot."""
    beats = _heartbeats()
    _beat(beats, 10.0)
    beats.answered(_reply())
    beats.ended(_ended().model_copy(update={"action": action}))
    assert beats.due() == 10.0 + pause


def test_an_ended_session_is_repeated_until_a_heartbeat_with_it_was_answered() -> None:
    """A slot is freed even when the first word of it is lost."""
    beats = _heartbeats()
    beats.ended(_ended())
    assert _beat(beats, 10.0).ended == (_ended(),)
    beats.failed()
    assert _beat(beats, 11.0).ended == (_ended(),)
    beats.answered(_reply())
    assert _beat(beats, 13.0).ended == ()


def test_a_session_that_ends_while_a_heartbeat_is_under_way_is_in_the_next() -> None:
    """An answer acknowledges only what was said."""
    beats = _heartbeats()
    beats.ended(_ended("1" * 26))
    _beat(beats, 10.0)
    beats.ended(_ended("2" * 26))
    beats.answered(_reply())
    assert beats.due() == 10.0 + SPACING
    assert _beat(beats, 10.1).ended == (_ended("2" * 26),)


def test_a_command_is_carried_out_once_and_reported_as_done_until_that_was_heard() -> None:
    """The control plane repeats itself until it knows."""
    beats = _heartbeats()
    _beat(beats, 10.0)
    assert beats.answered(_reply(_command("c1"))) == (_command("c1"),)
    assert beats.due() == 10.0 + SPACING
    assert _beat(beats, 10.1).done == ("c1",)
    beats.failed()
    assert _beat(beats, 10.5).done == ("c1",)
    assert beats.answered(_reply(_command("c1"), _command("c2"))) == (_command("c2"),)
    assert _beat(beats, 10.6).done == ("c1", "c2")
    beats.answered(_reply())
    assert _beat(beats, 13.0).done == ()


def test_failures_are_retried_ever_slower_and_changes_do_not_hurry_them() -> None:
    """An API that is away is not hammered, and never waited for longer than the usual interval."""
    beats = _heartbeats()
    now = 10.0
    for pause in (*RETRY, RETRY[-1]):
        _beat(beats, now)
        beats.failed()
        beats.streams_changed([])
        assert beats.due() == now + pause
        now += pause
    assert beats.failures == len(RETRY) + 1
    _beat(beats, now)
    beats.answered(_reply())
    assert beats.failures == 0


def test_an_outage_costs_bounded_memory() -> None:
    """The oldest endings are forgotten: the list of live streams still tells the truth."""
    beats = _heartbeats()
    for number in range(MAX_ENDED + 3):
        beats.ended(_ended(f"session{number}"))
    assert beats.lost_ended == 3
    said = _beat(beats, 10.0).ended
    assert len(said) == FREED_PER_BEAT
    assert said[0].session == "session3"


def test_publishers_that_ended_are_told_by_as_many_as_one_answer_can_free() -> None:
    """Two writes each, within the 3 s that an answer is waited for; viewers cost the control plane none."""
    beats = _heartbeats()
    for number in range(2 * PER_BEAT):
        beats.ended(_ended(f"session{number}").model_copy(update={"action": "publish" if number % 2 else "play"}))

    said = _beat(beats, 10.0).ended

    assert len(said) == PER_BEAT
    assert sum(report.action == "publish" for report in said) == FREED_PER_BEAT


def test_what_does_not_fit_one_heartbeat_follows_at_once() -> None:
    """A long backlog is told in a few heartbeats, not in many times two seconds."""
    beats = _heartbeats()
    for number in range(FREED_PER_BEAT + 1):
        beats.ended(_ended(f"session{number}"))
    _beat(beats, 10.0)
    beats.answered(_reply())
    assert beats.due() == 10.0 + SPACING
    assert [report.session for report in _beat(beats, 10.1).ended] == [f"session{FREED_PER_BEAT}"]


def test_it_is_settled_when_the_state_and_everything_else_was_heard() -> None:
    """A node may leave when nothing is left to say."""
    beats = _heartbeats()
    beats.enter("stopped")
    beats.ended(_ended())
    assert not beats.settled
    assert _beat(beats, 10.0).state == "stopped"
    assert not beats.settled
    beats.failed()
    assert not beats.settled
    _beat(beats, 11.0)
    beats.answered(_reply())
    assert beats.settled
