"""A node lets its publishers go once another one has room, and sends viewers after their streams."""

import asyncio
from dataclasses import dataclass, field

from sfu.control.handover import AT_ONCE, FOLLOW_SECONDS, Handover, Reconnects
from sfu.control.heartbeat import HeartbeatSequence, NodeIdentity
from shared.messages import MAX_WAITING, HeartbeatReply, Load, StreamReport

STREAM = "abcdefghijklmnop"


@dataclass
class Viewer:
    """A viewer's session on the fake."""

    id: str
    secret: str
    stream: str = STREAM


@dataclass
class FakeSessions:
    """The media plane: who publishes, who watches."""

    publishing: list[StreamReport] = field(default_factory=list)
    viewers: list[Viewer] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)

    def streams(self) -> list[StreamReport]:
        """The live publish sessions of the fake."""
        return list(self.publishing)

    def watching(self, stream: str | None = None) -> list[Viewer]:
        """The viewers of *stream*, or of all streams."""
        return [viewer for viewer in self.viewers if stream in (None, viewer.stream)]

    def stranded(self) -> list[str]:
        """The streams that are watched and not published."""
        return sorted({viewer.stream for viewer in self.viewers} - {report.stream for report in self.publishing})

    def end(self, session_id: str, reason: str) -> bool:
        """Note the end, and forget the session."""
        self.ended.append((session_id, reason))
        self.publishing = [one for one in self.publishing if one.session != session_id]
        self.viewers = [one for one in self.viewers if one.id != session_id]
        return True


def report(number: int = 0) -> StreamReport:
    """The report of a live publish session."""
    stream = STREAM[:-2] + f"{number:02}" if number else STREAM
    return StreamReport(stream=stream, account="acme", session=f"session{number}", epoch=1, since=1.0)


class Node:
    """A node with sessions, and its heartbeats."""

    def __init__(self, publishers: int = 1) -> None:
        self.sessions = FakeSessions([report(number) for number in range(publishers)])
        self.beats = HeartbeatSequence(NodeIdentity("node1", "b" * 16, "http://127.0.0.1:8889", "local", 1.0))
        self.reconnects = Reconnects()
        self.stopping = False
        self.handover = Handover(self.sessions, self.beats, self.reconnects, lambda: self.stopping)
        self.now = 0.0

    def beat(self, **says: object) -> dict[str, list[str]]:
        """One heartbeat, answered so; what it told."""
        self.now += 1
        handover = self.handover
        beat = self.beats.begin(self.now, self.now, handover.reported(), Load(), handover.waiting())
        reply = HeartbeatReply.model_validate(says)
        self.beats.answered(reply)
        handover.heard(reply)
        return {
            "streams": [one.session for one in beat.streams],
            "ended": [one.session for one in beat.ended],
            "waiting": list(beat.waiting),
        }


async def test_a_publisher_is_closed_after_its_end_was_heard() -> None:
    """So its encoder, which connects again at once, finds its slot free."""
    node = Node()
    node.stopping = True

    assert node.beat(successor=True)["streams"] == ["session0"]
    assert node.sessions.ended == []
    assert node.beat(successor=True) == {"streams": [], "ended": ["session0"], "waiting": []}
    assert node.sessions.ended == [("session0", "handover")]


async def test_nobody_is_let_go_without_a_place_to_go_to() -> None:
    """Where no other node has room, publishers keep what they have until the time to drain is over."""
    node = Node()
    node.stopping = True
    for _ in range(3):
        node.beat(successor=False)

    assert node.sessions.ended == []
    assert node.beat()["streams"] == ["session0"]


async def test_a_node_that_serves_keeps_its_publishers() -> None:
    """Whatever the others have room for."""
    node = Node()
    node.beat(successor=True)
    node.beat(successor=True)

    assert node.sessions.ended == []


async def test_publishers_are_let_go_in_groups() -> None:
    """All at once they would come to the API at the same moment."""
    node = Node(AT_ONCE + 5)
    node.stopping = True
    node.beat(successor=True)
    node.beat(successor=True)
    assert len(node.sessions.ended) == AT_ONCE
    node.beat(successor=True)
    assert len(node.sessions.ended) == AT_ONCE + 5


async def test_viewers_are_sent_after_their_stream_when_it_is_live_elsewhere() -> None:
    """By the event who listens for it, and closed a moment later; the others are closed at once."""
    node = Node()
    node.stopping = True
    node.sessions.viewers = [Viewer("listens", "secret1"), Viewer("plain", "secret2")]
    node.reconnects.begin_listening("secret1")
    told: list[frozenset[str]] = []
    node.reconnects.subscribe(lambda: told.append(node.reconnects.moved))
    node.beat(successor=True)
    node.beat(successor=True)
    assert node.beat(successor=True)["waiting"] == [STREAM]
    assert told == []

    node.beat(successor=True, moved=[STREAM])

    assert told == [frozenset({STREAM})]
    assert node.sessions.ended == [("session0", "handover"), ("plain", "moved")]
    assert [one.id for one in node.sessions.viewers] == ["listens"]
    loop = asyncio.get_running_loop()
    ends = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert FOLLOW_SECONDS - 1 < ends[0].when() - loop.time() <= FOLLOW_SECONDS


async def test_a_viewer_that_comes_after_its_stream_has_moved_follows_too() -> None:
    """It held a grant from before, and would look at nothing."""
    node = Node(publishers=0)
    node.sessions.viewers = [Viewer("first", "secret1")]
    node.reconnects.begin_listening("secret1")
    node.beat()
    node.beat(moved=[STREAM])
    node.sessions.viewers.append(Viewer("late", "secret2"))

    node.beat(moved=[STREAM])

    assert node.sessions.ended == [("late", "moved")]


async def test_a_stream_that_comes_back_within_the_moment_keeps_its_viewers() -> None:
    """The end that was put off looks again."""
    node = Node(publishers=0)
    node.sessions.viewers = [Viewer("listens", "secret1")]
    node.reconnects.begin_listening("secret1")
    node.beat()
    node.beat(moved=[STREAM])
    node.sessions.publishing = [report()]
    node.beat()

    node.handover._end_moved(STREAM, "listens")

    assert node.sessions.ended == []


async def test_of_many_streams_without_publisher_each_is_asked_about_in_turn() -> None:
    """More than one heartbeat names: none is forgotten, and one that moved stays so while others are asked about."""
    node = Node(publishers=0)
    streams = [f"stream{number:010}" for number in range(2 * MAX_WAITING + 50)]
    node.sessions.viewers = [Viewer(f"of {one}", f"secret {one}", one) for one in streams]
    for viewer in node.sessions.viewers:
        node.reconnects.begin_listening(viewer.secret)

    asked = node.beat(moved=[streams[0]])["waiting"] + node.beat()["waiting"]
    assert node.reconnects.moved == {streams[0]}
    asked += node.beat()["waiting"]

    assert set(asked) == set(streams)


async def test_viewers_of_a_stream_that_came_back_elsewhere_follow_it_without_a_drain() -> None:
    """An encoder that restarted may be placed on another node: its viewers need not wait for the grace to end."""
    node = Node(publishers=0)
    node.sessions.viewers = [Viewer("plain", "secret2")]

    assert node.beat()["waiting"] == [STREAM]
    node.beat(moved=[STREAM])

    assert node.sessions.ended == [("plain", "moved")]


async def test_a_stream_that_came_back_here_keeps_its_viewers() -> None:
    """An answer that is older than the publisher's return sends nobody away."""
    node = Node()
    node.sessions.viewers = [Viewer("plain", "secret2")]
    node.beat(moved=[STREAM])

    assert node.sessions.ended == []
    assert node.reconnects.moved == frozenset()


async def test_the_operator_drains_and_takes_it_back() -> None:
    """The state follows, and new sessions are refused meanwhile."""
    node = Node()
    states = []
    for drain in (True, True, False):
        node.beat(drain=drain)
        states.append((node.beats.state, node.handover.draining))

    assert states == [("draining", True), ("draining", True), ("serving", False)]


async def test_at_the_end_all_who_listen_are_sent_on() -> None:
    """Also those whose streams are nowhere else: there is nothing to wait for here."""
    node = Node()
    node.sessions.viewers = [Viewer("listens", "secret1")]
    node.reconnects.begin_listening("secret1")

    await node.handover.last_call()

    assert node.reconnects.moved == {STREAM}
