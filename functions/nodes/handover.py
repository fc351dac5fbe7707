"""What a node is told that wants to get rid of sessions: whether others have room, and which streams went elsewhere.

Reads only, and only for nodes that ask: such as drain, or have viewers whose publisher left them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.domain.fleet import Fleet
from functions.domain.placement import has_room
from functions.storage.directory import Directory


@dataclass(frozen=True, slots=True)
class RestOfFleet:
    """The rest of the fleet, as one node needs to know it."""

    successor: bool = False
    """Another node has room."""
    moved: tuple[str, ...] = ()
    """Streams that are live on another node."""


def rest_of_fleet(
    directory: Directory, node: str, *, draining: bool, waiting: Sequence[str], now: float
) -> RestOfFleet:
    """What to tell *node*, which is *draining* or not and has viewers *waiting* for streams."""
    if not draining and not waiting:
        return RestOfFleet()
    fleet = directory.fleet()
    successor = draining and any(other.id != node and has_room(other, now) for other in fleet.nodes)
    return RestOfFleet(successor, _moved(directory, fleet, node, waiting, now) if waiting else ())


def _moved(directory: Directory, fleet: Fleet, node: str, waiting: Sequence[str], now: float) -> tuple[str, ...]:
    found = directory.live(waiting)
    nodes = {stream: fleet.named(live.node) for stream, live in found.items() if live.node != node}
    return tuple(
        stream
        for stream, other in nodes.items()
        if other is not None and other.boot == found[stream].boot and other.serves(now)
    )
