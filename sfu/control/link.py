"""Everything that a node and the control plane say to each other: heartbeats, commands, keys, the time, usage reports.

Each process that reports to the control plane (`sfu.__main__`, `sfu.gateway.reporter.__main__`) makes one `Link`, hands
its methods to the parts that have something to tell, and keeps its tasks running. What happens on the node's side is
handed to the tasks as a `ReportedNode`, since that is made after the link.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, Protocol

from sfu.control.aws import AwsAnswer, PostsSigned, SqsQueue
from sfu.control.heartbeat import HeartbeatSequence, NodeIdentity, State
from sfu.control.heartbeat_sender import TIMEOUT as HEARTBEAT_TIMEOUT
from sfu.control.heartbeat_sender import HeartbeatSender, ReportedNode
from sfu.control.keyring import Keyring
from sfu.control.meter import Meter
from sfu.control.usage import TIMEOUT as QUEUE_TIMEOUT
from sfu.control.usage import UsageReporter
from sfu.control.walltime import WallTime
from shared.messages import EndedReport

_JSON: Final = {"Content-Type": "application/json"}


class LinkSettings(Protocol):
    """What a link needs of the settings: who the node is, and where it reports to."""

    @property
    def node_id(self) -> str:
        """The node's name in the fleet."""
        ...

    @property
    def public_url(self) -> str:
        """Where clients reach the node."""
        ...

    @property
    def region(self) -> str:
        """The region that the node reports."""
        ...

    @property
    def api_url(self) -> str:
        """The control plane's API, without a trailing slash."""
        ...

    @property
    def queue_endpoint(self) -> str:
        """Where the queue service is reached."""
        ...

    @property
    def queue_url(self) -> str:
        """The queue that usage reports go to."""
        ...


class Link:
    """One process's conversation with the control plane, from its first heartbeat to its last usage report.

    *clock* is the host's time of day in seconds; *random* gives numbers from 0 to 1, for the pauses after failures.
    """

    def __init__(
        self,
        settings: LinkSettings,
        http: PostsSigned,
        *,
        boot: str,
        clock: Callable[[], float],
        random: Callable[[], float],
        kind: Literal["sfu", "mediamtx"] = "sfu",
    ) -> None:
        self._http = http
        self._heartbeat_url = f"{settings.api_url}/v1/nodes/{settings.node_id}/heartbeat"
        self._queue = SqsQueue(http, settings.queue_endpoint, settings.queue_url)
        self.boot = boot
        """The name of this life of the process."""
        self.clock = WallTime(clock)
        self.keyring = Keyring()
        self.meter = Meter(self.clock)
        self.sequence = HeartbeatSequence(
            NodeIdentity(settings.node_id, boot, settings.public_url, settings.region, clock(), kind)
        )
        self.heartbeats = HeartbeatSender(
            self.sequence, self._post, self.keyring, wall_clock=self.clock, on_time=self.clock.learn
        )
        self.usage = UsageReporter(
            self.meter, self._send, node=settings.node_id, boot=boot, wall_clock=self.clock, random=random
        )

    @property
    def state(self) -> State:
        """The state that heartbeats tell: serving, draining or stopped."""
        return self.sequence.state

    def tasks(self, node: ReportedNode) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What is to be kept running, each a function that starts one endless task."""
        return (lambda: self.heartbeats.run(node), self.usage.run)

    def changed(self) -> None:
        """Something changed among the sessions: tell of it when it is due. Cheap, for it may be called a thousand times a second."""
        self.heartbeats.changed()

    def ended(self, report: EndedReport) -> None:
        """A session ended: tell of it until it was heard, and report its bytes soon."""
        self.never_began(report)
        self.usage.report_soon()

    def never_began(self, report: EndedReport) -> None:
        """A grant was used up without a session: tell of it until it was heard, so that its slot is freed."""
        self.sequence.ended(report)
        self.heartbeats.wake()

    def enter(self, state: State) -> None:
        """Tell *state* from now on, beginning at once."""
        self.sequence.enter(state)
        self.heartbeats.wake()

    async def _post(self, body: bytes) -> AwsAnswer:
        return await self._http.post("execute-api", self._heartbeat_url, body, _JSON, HEARTBEAT_TIMEOUT)

    async def _send(self, text: str) -> None:
        await self._queue.send(text, QUEUE_TIMEOUT)
