"""Admission of a viewer: two eventually consistent reads in one call, and no write (docs/design.md, rule 4).

The node's last report decides here; the node itself keeps the exact count. A refused crowd costs nearly nothing: a refusal
that cannot change within a second is repeated from memory for a second. VDO.Ninja posts a refused WHEP 58 times in ten.
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
    """A viewer who is let in: the stream, and the node to watch it at."""

    stream: Stream
    live: Live | None
    """None: the viewer waits at the node until somebody publishes."""
    node: Node


class Watching:
    """Admits viewers. Remembers the last second's refusals, and the fleet as it was last read."""

    def __init__(self, directory: StreamLookup, clock: Callable[[], float], region: str, choose: Choose) -> None:
        self._directory = directory
        self._clock = clock
        self._region = region
        self._choose = choose
        self._refused: dict[tuple[str, str, bool], tuple[float, Refused]] = {}
        self._fleet = Fleet()

    def admit(self, stream: str, protocol: str, *, wait: bool = False) -> AdmittedViewer | Refused:
        """Let a viewer of *stream* in, or refuse; with *wait* an offline stream can be waited for at any node with room.

        The publisher may be placed on another node later: then this one sends its waiting viewers there.
        """
        now = self._clock()
        remembered = self._refused.get((stream, protocol, wait))
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        found, fleet = self._directory.stream_and_fleet(stream)
        self._fleet = fleet
        admitted = decide_viewer(found, fleet, protocol, now)
        if wait and found is not None and isinstance(admitted, Refused) and admitted.code is Code.STREAM_OFFLINE:
            node = place(fleet, now=now, region=self._region, choose=self._choose) if protocol == "whep" else None
            admitted = admitted if node is None else AdmittedViewer(found, None, node)
        if isinstance(admitted, Refused) and admitted.code in REMEMBERED:
            if len(self._refused) >= MAX_REMEMBERED:
                self._refused.clear()
            self._refused[(stream, protocol, wait)] = (now + REMEMBER_SECONDS, admitted)
        return admitted

    def is_node_address(self, address: str) -> bool:
        """Whether a live node has this *address*, by the fleet as the last admission read it; no call is made."""
        now = self._clock()
        return any(node.address == address and node.leased(now) for node in self._fleet.nodes if node.address)


def decide_viewer(stream: Stream | None, fleet: Fleet, protocol: str, now: float) -> AdmittedViewer | Refused:
    """Whether *stream* may be watched by *protocol* at *now*, in the documented order of refusals. Pure."""
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
