"""Admission of a viewer: two eventually consistent reads, no write (design.md, rule 4).

The node's last report decides; the node itself holds the exact count. Refused crowds cost nearly nothing: what cannot
change within a second is answered from memory for a second (VDO.Ninja posts a refused WHEP 58 times in ten).
"""

from collections.abc import Callable
from dataclasses import dataclass

from functions.domain.accounts import Live, Stream
from functions.domain.fleet import Fleet, Node, NodeState
from functions.domain.placement import Choose, place
from functions.domain.stores import StreamLookup
from shared.refusals import (
    Code,
    Refused,
    draining,
    no_capacity,
    protocol_not_allowed,
    stream_not_found,
    stream_offline,
    viewer_limit_reached,
)

REMEMBER_SECONDS = 1.0
REMEMBERED = frozenset({Code.VIEWER_LIMIT_REACHED, Code.STREAM_NOT_FOUND, Code.STREAM_OFFLINE})
MAX_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class AdmittedViewer:
    """A stream that may be watched, and where."""

    stream: Stream
    live: Live | None
    """None: a seat to wait in, until somebody publishes."""
    node: Node


class Watching:
    """Admits viewers. Keeps the last second's refusals, and the fleet as it was last read."""

    def __init__(self, directory: StreamLookup, clock: Callable[[], float], region: str, choose: Choose) -> None:
        self._directory = directory
        self._clock = clock
        self._region = region
        self._choose = choose
        self._refused: dict[tuple[str, str, bool], tuple[float, Refused]] = {}
        self._fleet = Fleet()

    def admit(self, stream: str, protocol: str, *, wait: bool = False) -> AdmittedViewer | Refused:
        """A seat in *stream*, or why not; with *wait*, an offline stream has seats to wait in at any node with room.

        The publisher may be placed on another node: then this one sends its viewers after it.
        """
        now = self._clock()
        remembered = self._refused.get((stream, protocol, wait))
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        found, fleet = self._directory.stream_and_fleet(stream)
        self._fleet = fleet
        seat = seat_in(found, fleet, protocol, now)
        if wait and found is not None and isinstance(seat, Refused) and seat.code is Code.STREAM_OFFLINE:
            node = place(fleet, now=now, region=self._region, choose=self._choose) if protocol == "whep" else None
            seat = seat if node is None else AdmittedViewer(found, None, node)
        if isinstance(seat, Refused) and seat.code in REMEMBERED:
            if len(self._refused) >= MAX_REMEMBERED:
                self._refused.clear()
            self._refused[(stream, protocol, wait)] = (now + REMEMBER_SECONDS, seat)
        return seat

    def is_a_node_s(self, address: str) -> bool:
        """Whether a node lives at *address*, as far as the last viewer's admission read of the fleet; no call."""
        now = self._clock()
        return any(node.address == address and node.leased(now) for node in self._fleet.nodes if node.address)


def seat_in(stream: Stream | None, fleet: Fleet, protocol: str, now: float) -> AdmittedViewer | Refused:
    """Whether *stream* may be watched by *protocol* now. Pure; the order of refusals is design.md's (4.1)."""
    if stream is None:
        return stream_not_found()
    if protocol not in stream.protocols:
        return protocol_not_allowed(protocol, stream.tier)
    blocked = stream.over_quota(now)
    if blocked is not None:
        return blocked
    live = stream.live
    node = fleet.named(live.node) if live is not None else None
    if live is None or node is None or node.boot != live.boot or not node.leased(now):
        return stream_offline()
    if live.viewers >= stream.max_viewers:
        return viewer_limit_reached(live.viewers, stream.max_viewers)
    if node.state is NodeState.DRAINING:
        return draining()
    if node.load.full:
        return no_capacity()
    return AdmittedViewer(stream, live, node)
