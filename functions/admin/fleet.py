"""What operators do to nodes and to the sessions that they hold. One method an operation.

A command to a node is left for its next heartbeat, so what an operator ends is over a few seconds later.
"""

from collections.abc import Callable, Mapping

from functions.admin.models import Done, NodeList, NodeView, SessionList, SessionView
from functions.domain.fleet import NodeReport, PendingCommand
from functions.storage.directory import Directory
from functions.storage.nodes import Nodes
from shared.end_reasons import EndReason
from shared.names import is_name
from shared.refusals import Refused, not_found


class FleetOperations:
    """What operators can see of nodes, and have them do."""

    def __init__(self, directory: Directory, nodes: Nodes, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._nodes = nodes
        self._clock = clock

    def nodes(self) -> NodeList:
        """All nodes that were heard of lately, in summary."""
        now = self._clock()
        return NodeList(
            nodes=[
                NodeView(
                    node=node.id, boot=node.boot, url=node.url, region=node.region, state=node.state.value,
                    drained=node.drained, leased=node.leased(now), age_seconds=round(now - node.at, 1),
                    publishers=node.load.publishers, viewers=node.load.viewers, max_sessions=node.load.max_sessions,
                    egress_kbps=node.load.egress_kbps, max_egress_kbps=node.load.max_egress_kbps,
                )
                for node in sorted(self._directory.fleet().nodes, key=lambda node: node.id)
            ]
        )  # fmt: skip

    def drain(self, node: str, *, drained: bool) -> Done | Refused:
        """Keep new sessions away from a node, or let them come again."""
        report = self._nodes.set_drained(node, drained=drained) if is_name(node) else None
        if report is None:
            return not_found("There is no such node.")
        self._nodes.project(report.node)
        return Done(done="drained" if drained else "undrained")

    def sessions(self) -> SessionList:
        """All publish sessions that nodes report, node by node."""
        return SessionList(
            sessions=[
                SessionView(
                    session=session.session, stream=stream, account=session.account, node=report.node.id,
                    epoch=session.epoch, viewers=session.viewers, since=session.since, silent_ms=session.silent_ms,
                    kbps=session.kbps,
                )
                for report in self._reports().values()
                for stream, session in sorted(report.streams.items())
            ]
        )  # fmt: skip

    def end_session(self, session: str) -> Done | Refused:
        """End one publish session by its node's next heartbeat."""
        for report in self._reports().values():
            for running in report.streams.values():
                if running.session == session:
                    command = PendingCommand(f"admin-{session}", EndReason.ADMIN, session=session)
                    self._nodes.leave_command(report.node.id, report.node.boot, command)
                    return Done(done="ending")
        return not_found("No node holds this session.")

    def end_stream(self, stream: str, reason: EndReason) -> None:
        """Have the session that publishes *stream* end by its node's next heartbeat, wherever it is."""
        for report in self._reports().values():
            if stream in report.streams:
                self._nodes.leave_command(
                    report.node.id, report.node.boot, PendingCommand(f"{reason}-{stream}", reason, stream=stream)
                )

    def _reports(self) -> Mapping[str, NodeReport]:
        now = self._clock()
        leased = [node.id for node in self._directory.fleet().nodes if node.leased(now)]
        return self._directory.reports(leased) if leased else {}
