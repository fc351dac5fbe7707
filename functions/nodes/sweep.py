"""Once a minute: the ends of streams whose node died, which nobody else would tell of.

Events only. Slots need no sweeper: what a dead node holds is free for whoever wants it. A node's
sessions are taken off its item by one conditional write, and whoever made that write tells of them: each end is told
once, however many sweeps run at a time, and a heartbeat that comes after all sees that its sessions were told off.
"""

from collections.abc import Callable, Sequence

from functions.domain.events import AccountEvent, stream_events
from functions.domain.fleet import Fleet, NodeState
from functions.domain.stores import NodeStore
from functions.edge.observability import Log


class Sweep:
    """Looks for nodes that died with sessions, and tells of the ends of those."""

    def __init__(
        self,
        nodes: NodeStore,
        fleet: Callable[[], Fleet],
        tell: Callable[[Sequence[AccountEvent]], object],
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self._nodes = nodes
        self._fleet = fleet
        self._tell = tell
        self._clock = clock
        self._log = log

    def run(self) -> int:
        """Tell of the streams that ended with their nodes; how many they were."""
        now = self._clock()
        return sum(
            self._end_sessions_of(node.id, now)
            for node in self._fleet().nodes
            # The summary is seconds older than the truth: it says which nodes are worth a look.
            if node.state is not NodeState.STOPPED and not node.leased(now)
        )

    def _end_sessions_of(self, node: str, now: float) -> int:
        report = self._nodes.read(node)
        if report is None or not report.streams or report.node.leased(now):
            return 0
        if not self._nodes.take_sessions(report, now):
            return 0
        self._log.event("a node died with sessions", node=node, sessions=len(report.streams))
        self._tell(stream_events(report.streams, {}, node))
        return len(report.streams)
