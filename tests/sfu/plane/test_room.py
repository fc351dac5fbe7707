"""A stream's room keeps one publisher of the highest epoch, and its viewers while that one is away."""

from types import SimpleNamespace
from typing import cast

from sfu.plane.publisher import Publisher
from sfu.plane.room import GRACE, Room
from sfu.plane.viewer import Viewer


def _publisher(epoch: int) -> Publisher:
    return cast("Publisher", SimpleNamespace(claims=SimpleNamespace(epoch=epoch), sections=[]))


def _viewer(name: str) -> Viewer:
    return cast("Viewer", SimpleNamespace(id=name, sections=[]))


def test_only_a_later_publisher_takes_over() -> None:
    """The same epoch may come again once the publisher is gone, as after a lost answer; an earlier one never."""
    room, first = Room("s"), _publisher(3)
    room.begin(first)
    assert [room.admits(epoch) for epoch in (2, 3, 4)] == [False, False, True]

    room.leave(first, 100.0)
    assert [room.admits(epoch) for epoch in (2, 3, 4)] == [False, True, True]


def test_viewers_outlive_their_publisher_by_the_grace() -> None:
    """An encoder that restarts in time finds them still there."""
    room, first = Room("s"), _publisher(1)
    room.begin(first)
    room.add(_viewer("v"))
    room.leave(first, 100.0)
    assert not room.abandoned(100.0 + GRACE)
    assert room.abandoned(100.1 + GRACE)

    room.begin(_publisher(2))
    assert not room.abandoned(1000.0)
    assert list(room.viewers) == ["v"]


def test_who_was_superseded_leaves_without_a_trace() -> None:
    """Its end comes after its successor's begin, and must not end that one's time."""
    room, first, second = Room("s"), _publisher(1), _publisher(2)
    room.begin(first)
    room.begin(second)
    room.leave(first, 100.0)

    assert room.publisher is second
    assert room.kept_until is None


def test_a_viewer_may_be_removed_twice() -> None:
    """Its end and the room's may come together."""
    room, viewer = Room("s"), _viewer("v")
    room.add(viewer)
    room.remove(viewer)
    room.remove(viewer)

    assert room.viewers == {}
