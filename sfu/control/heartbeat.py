"""Decides what a heartbeat says and when it goes out: the node's half of the lease by which it holds its sessions.

Pure: `now` is an argument, nothing is sent here; `sfu.control.heartbeat_sender` is the shell around it. What holds:
- at most one heartbeat is under way; the next leaves after 2 s, at once when a publisher began, ended, fell silent or came
  back, or a stream became full or no longer full, within 1 s when viewers came or went, sooner than 2 s while viewers wait
  for a publisher that may be elsewhere by now, and never less than 100 ms after the one before;
- `streams` is the whole truth each time, so a lost heartbeat loses nothing; what is not in it (sessions that ended,
  commands carried out) is repeated until a heartbeat that said it was answered;
- a command is carried out once, however often it is sent.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.messages import Command, EndedReport, Heartbeat, HeartbeatReply, Load, StreamReport

INTERVAL: Final = 2.0
SPACING: Final = 0.1
"""Shortest time between two heartbeats."""
SOON: Final = 1.0
"""Seconds until a change is told by which the control plane decides nothing, as viewers who come and go: the node holds their limit itself."""
SILENT_MS: Final = 500
WAITING: Final = {"serving": 1.0, "draining": 0.25, "stopped": 2.0}
"""Between heartbeats while viewers wait for a publisher: the answer says where their stream is live, should it be."""
RETRY: Final = (0.25, 0.5, 1.0, 2.0)
"""Pauses after the first, second … heartbeat without an answer; the lease (10 s) outlives several of them."""
MAX_ENDED: Final = 5000
"""Ended sessions that are remembered through an outage. Beyond it the oldest go: `streams` still tells the truth."""
PER_BEAT: Final = 1000
"""Ended sessions, and commands done, in one heartbeat."""
FREED_PER_BEAT: Final = 100
"""Ended publishers in one heartbeat: each costs the control plane two writes, and its answer is waited for 3 s. A heartbeat
with more of them than it can free by then would be sent again for ever."""
MAX_SEEN: Final = 5000
"""Ids of commands that are remembered as carried out."""

State = Literal["serving", "draining", "stopped"]
Decisive = frozenset[tuple[str, bool, bool, tuple[str, ...]]]
"""What of the streams a heartbeat tells at once: session, silent, full, problems."""


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who this process is to the control plane, for its whole life."""

    node: str
    boot: str
    url: str
    region: str
    started_at: float
    kind: Literal["sfu", "mediamtx"] = "sfu"


class HeartbeatSequence:
    """The heartbeats of one life of a node, one after the other. Instants are seconds of any one clock that does not jump."""

    def __init__(self, identity: NodeIdentity) -> None:
        self._identity: Final = identity
        self.state: State = "serving"
        self.lost_ended = 0
        """Ended sessions that an outage made us forget."""
        self._ended: OrderedDict[str, EndedReport] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._under_way: Heartbeat | None = None
        self._changed = True
        self._touched = False
        self._waiting = False
        """Whether the last heartbeat asked where streams are live."""
        self._told: Decisive = frozenset()
        """What the last heartbeat told of the streams that the control plane decides by."""
        self._failures = 0
        self._last: float | None = None

    @property
    def failures(self) -> int:
        """Heartbeats without an answer since the last that had one."""
        return self._failures

    @property
    def settled(self) -> bool:
        """Whether the control plane has been told everything, the state included."""
        return not (self._changed or self._touched or self._under_way or self._ended or self._done or self._failures)

    def streams_changed(self, streams: Sequence[StreamReport]) -> None:
        """Sessions changed: tell of *streams* at once if the control plane decides by what changed, soon if not."""
        if _decisive(streams) == self._told:
            self._touched = True
        else:
            self._changed = True

    def enter(self, state: State) -> None:
        """Tell *state* from the next heartbeat on, which is due at once."""
        self.state = state
        self._changed = True

    def ended(self, report: EndedReport) -> None:
        """Tell of a session that ended until that was answered: at once if it frees a slot."""
        self._ended[report.session] = report
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
            self.lost_ended += 1
        if report.action == "publish":
            self._changed = True
        else:
            self._touched = True

    def untold(self, session: str) -> bool:
        """Whether the control plane does not know yet that *session* ended."""
        return session in self._ended

    def due(self) -> float | None:
        """When the next heartbeat shall leave; None while one is under way. May lie in the past."""
        if self._under_way is not None:
            return None
        if self._last is None:
            return float("-inf")
        if self._failures:
            # While the control plane does not answer, a change does not bring the next try forward.
            return self._last + RETRY[min(self._failures, len(RETRY)) - 1]
        pause = WAITING[self.state] if self._waiting else INTERVAL
        return self._last + (SPACING if self._changed else min(SOON, pause) if self._touched else pause)

    def begin(
        self, now: float, at: float, streams: Sequence[StreamReport], load: Load, waiting: Sequence[str] = ()
    ) -> Heartbeat:
        """The heartbeat to send now (*at* is the time of day). `answered` or `failed` must follow."""
        if self._under_way is not None:
            raise RuntimeError("a heartbeat is under way")
        who = self._identity
        self._under_way = Heartbeat(
            node=who.node,
            boot=who.boot,
            at=at,
            url=who.url,
            region=who.region,
            state=self.state,
            kind=who.kind,
            started_at=who.started_at,
            load=load,
            streams=tuple(streams),
            ended=self._telling(),
            done=tuple(self._done)[:PER_BEAT],
            waiting=tuple(waiting),
        )
        self._last = now
        self._changed = self._touched = False
        self._waiting = bool(waiting)
        self._told = _decisive(streams)
        return self._under_way

    def _telling(self) -> tuple[EndedReport, ...]:
        """The ended sessions of the next heartbeat, oldest first."""
        publishers = [report for report in self._ended.values() if report.action == "publish"][:FREED_PER_BEAT]
        viewers = [report for report in self._ended.values() if report.action == "play"]
        return (*publishers, *viewers[: PER_BEAT - len(publishers)])

    def answered(self, reply: HeartbeatReply) -> tuple[Command, ...]:
        """Note that the heartbeat under way was answered by *reply*; the commands in it that were not carried out yet."""
        heard = self._finish()
        self._failures = 0
        _forget(self._ended, {report.session: report for report in heard.ended})
        _forget(self._done, dict.fromkeys(heard.done))
        fresh = tuple(command for command in reply.commands if command.id not in self._seen)
        for command in reply.commands:
            self._seen[command.id] = None
            self._done[command.id] = None
        while len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        # What did not fit, and the news that the commands are carried out, need not wait for 2 s.
        self._changed = self._changed or bool(self._ended or self._done)
        return fresh

    def failed(self) -> None:
        """Note that the heartbeat under way got no answer, or one that is no answer to it."""
        self._finish()
        self._failures += 1
        self._changed = True

    def _finish(self) -> Heartbeat:
        if self._under_way is None:
            raise RuntimeError("no heartbeat is under way")
        beat, self._under_way = self._under_way, None
        return beat


def _decisive(streams: Sequence[StreamReport]) -> Decisive:
    return frozenset(
        (stream.session, stream.silent_ms >= SILENT_MS, stream.viewers >= stream.max_viewers, stream.problems)
        for stream in streams
    )


def _forget(kept: OrderedDict[str, EndedReport] | OrderedDict[str, None], heard: Mapping[str, object]) -> None:
    for key, value in heard.items():
        # A report that changed while the heartbeat was under way was not heard.
        if key in kept and kept[key] is value:
            del kept[key]
