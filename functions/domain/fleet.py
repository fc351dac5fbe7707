"""What the control plane knows of its nodes from their heartbeats. Pure: values, and questions about them.

`Node` is the summary that placement and viewers need (all nodes in one item, a few seconds old); `NodeReport` is one
node's truth: every publish session that it holds, as of its last heartbeat.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LEASE_SECONDS = 10
"""The lease: after so long without a heartbeat a node counts as holding no session any more."""


class NodeState(StrEnum):
    """What a node says about its own state in a heartbeat."""

    SERVING = "serving"
    DRAINING = "draining"
    """Keeps its sessions, takes no new ones."""
    STOPPED = "stopped"
    """Its last word: it holds nothing any more."""


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """How full a node is; a maximum of 0 means that there is none."""

    publishers: int = 0
    viewers: int = 0
    max_sessions: int = 0
    egress_kbps: int = 0
    max_egress_kbps: int = 0

    @property
    def full(self) -> bool:
        """Whether the node has no room for one more session, by number or by measured egress."""
        return (0 < self.max_sessions <= self.publishers + self.viewers) or (
            0 < self.max_egress_kbps <= self.egress_kbps
        )

    @property
    def fraction(self) -> float:
        """How loaded the node is, 0 to 1, by whichever is nearer to its maximum."""
        sessions = (self.publishers + self.viewers) / self.max_sessions if self.max_sessions else 0.0
        egress = self.egress_kbps / self.max_egress_kbps if self.max_egress_kbps else 0.0
        return max(sessions, egress)


@dataclass(frozen=True, slots=True)
class Node:
    """One node in summary: what placement and viewers need to know of it."""

    id: str
    boot: str
    at: float
    """When its last heartbeat was received, in seconds since the epoch by the control plane's clock."""
    url: str
    region: str
    state: NodeState
    load: NodeLoad = NodeLoad()
    drained: bool = False
    """Whether an operator keeps new sessions away from it."""
    kind: str = "sfu"
    """`sfu`, or `mediamtx`: the latter takes only sessions that it asked for itself."""
    address: str = ""
    """Where its heartbeats come from, as API Gateway saw it."""

    def leased(self, now: float) -> bool:
        """Whether its last heartbeat still counts at *now*."""
        return self.state is not NodeState.STOPPED and now - self.at <= LEASE_SECONDS

    def serves(self, now: float) -> bool:
        """Whether it takes new sessions at *now*, if only those that it asks for itself."""
        return self.leased(now) and self.state is NodeState.SERVING and not self.drained

    def open(self, now: float) -> bool:
        """Whether new sessions can be placed on it at *now*, whether or not it has room."""
        return self.kind == "sfu" and self.serves(now)


@dataclass(frozen=True, slots=True)
class PublishSession:
    """One publish session as its node last reported it."""

    session: str
    account: str
    epoch: int
    viewers: int = 0
    max_viewers: int = 0
    since: float = 0
    silent_ms: int = 0
    kbps: int = 0
    problems: tuple[str, ...] = ()
    """Codes of `shared.problems`."""


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that waits for its node's next heartbeat."""

    id: str
    reason: str
    session: str | None = None
    stream: str | None = None
    account: str | None = None
    not_before: float = 0
    """The node is told from then on."""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """Everything that one node said in its last heartbeat, and what is kept beside it."""

    node: Node
    started_at: float = 0
    streams: Mapping[str, PublishSession] = field(default_factory=dict)
    """Its live publish sessions that the roster has too, by stream id."""
    commands: Mapping[str, PendingCommand] = field(default_factory=dict)
    projected_at: float = 0
    """When the summary was last brought up to date."""
    checked_at: float = 0
    """When all its sessions were last compared with the rosters."""
    swept_at: float = 0
    """When sessions were last taken off it, because the node was not heard of."""
    waits: Mapping[str, float] = field(default_factory=dict)
    """When the key of each stream that has viewers here and no publisher was last told so."""

    def holds(self, stream: str, session: str, now: float) -> bool:
        """Whether the node reports *session* on *stream*, and its report still counts at *now*."""
        found = self.streams.get(stream)
        return found is not None and found.session == session and self.node.leased(now)


class Fleet:
    """All nodes in summary, looked up by id or by process life."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._by_id = {node.id: node for node in nodes}
        self._by_boot = {node.boot: node for node in self._by_id.values()}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node that is known, whether its lease has run out or not."""
        return tuple(self._by_id.values())

    def named(self, node: str | None) -> Node | None:
        """The node with this id, or None."""
        return self._by_id.get(node) if node else None

    def of_boot(self, boot: str) -> Node | None:
        """The node whose present life is *boot*; None once it has another, or none."""
        return self._by_boot.get(boot)
