"""A heartbeat: compare what the node holds with what is known, bring rosters and streams up to date, hand out commands.

Effects come before the node's item is written, so that a beat which is lost half-way is done again by the next one.
The item keeps confirmed sessions only, those that the roster has; any other is ended as `superseded`, at every beat
until it is gone. A report is the whole truth about a node, so a lost message costs nothing but time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from functions.domain.accounts import Account, Live, RefusedPublish, Slot
from functions.domain.events import AccountEvent, stream_events
from functions.domain.fleet import LEASE_SECONDS, NodeReport, PendingCommand, PublishSession
from functions.domain.roster import NotTaken
from functions.domain.stores import KeyStore
from functions.edge.observability import Log
from functions.nodes.handover import rest_of_fleet
from functions.nodes.reports import (
    command_message,
    is_older_life,
    is_succeeded_here,
    left_streams,
    projection_time,
    reported_node,
    reported_session,
    told_sessions,
)
from functions.storage.directory import Directory
from functions.storage.nodes import Fenced, Nodes
from functions.storage.rosters import Rosters
from functions.storage.streams import Streams
from shared.end_reasons import EndReason
from shared.messages import EndedReport, Heartbeat, HeartbeatReply, PublicKeys
from shared.problems import Problem
from shared.refusals import Code, Refused, invalid_request

CHECK_SECONDS = 30.0
"""How often all sessions of a node are compared with the rosters, besides the ones that are new."""
TOLD_TO_OWNERS = frozenset({EndReason.BITRATE_EXCEEDED})
"""Reasons of a session's end that its owner can do something about: kept like refusals, since no answer carries them."""
PROBLEM_ENDS: Mapping[str, Problem] = {EndReason.B_FRAMES: Problem.B_FRAMES}
"""Reasons of a session's end that are a problem of what it sent."""
MAX_SKEW_SECONDS = 300.0
"""A clock that is further ahead is broken, or its node is none of ours."""


@dataclass(frozen=True, slots=True)
class HeartbeatStores:
    """What is read and written at a heartbeat."""

    nodes: Nodes
    rosters: Rosters
    streams: Streams
    directory: Directory
    registry: KeyStore


def _nobody_waits(
    _beat: Heartbeat, _told: Mapping[str, float], _left: frozenset[str], _now: float
) -> Mapping[str, float]:
    """For callers that place nobody by where viewers wait."""
    return {}


class HeartbeatService:
    """Answers the heartbeats of nodes.

    *keys* reads the public keys that nodes verify grants with, given the time; *tell* sends events, *note* keeps what an
    owner should read of a session, and *audiences* tells keys where viewers wait for their publishers.
    """

    def __init__(
        self,
        stores: HeartbeatStores,
        keys: Callable[[float], PublicKeys],
        clock: Callable[[], float],
        log: Log,
        tell: Callable[[Sequence[AccountEvent]], object],
        note: Callable[[str, RefusedPublish], object] = lambda _account, _noted: None,
        audiences: Callable[
            [Heartbeat, Mapping[str, float], frozenset[str], float], Mapping[str, float]
        ] = _nobody_waits,
    ) -> None:
        self._nodes = stores.nodes
        self._rosters = stores.rosters
        self._streams = stores.streams
        self._directory = stores.directory
        self._registry = stores.registry
        self._keys = keys
        self._clock = clock
        self._log = log
        self._tell = tell
        self._note = note
        self._audiences = audiences

    def beat(self, node: str, heartbeat: Heartbeat, address: str = "") -> HeartbeatReply | Refused:
        """The answer to *heartbeat*, which came in under the name *node* from *address*; refused where it is out of date."""
        now = self._clock()
        if heartbeat.node != node:
            return invalid_request("The heartbeat is of another node than its address.", "node")
        if heartbeat.started_at > now + MAX_SKEW_SECONDS:
            return invalid_request("The node began in the future; its clock is wrong.", "started_at")
        keys = self._keys(now)
        before = self._nodes.read(node)
        new_boot = before is None or before.node.boot != heartbeat.boot
        if before is not None and new_boot and is_older_life(before, heartbeat, now):
            return _fenced()
        known = {} if before is None or new_boot else dict(before.streams)
        lapsed = before is not None and (not before.node.leased(now) or now - before.checked_at >= CHECK_SECONDS)
        checked_at = now if lapsed or before is None or new_boot else before.checked_at

        reported = {report.stream: reported_session(report) for report in heartbeat.streams}
        if heartbeat.state == "stopped":
            reported = {}
        confirmed, ending, owners = self._confirm(heartbeat, reported, known, now, again=lapsed)
        # Before slots are freed: whoever takes one then must know where viewers wait.
        waits = self._audiences(
            heartbeat, {} if before is None or new_boot else before.waits, left_streams(heartbeat, known), now
        )
        self._take_leave(heartbeat.ended, known, reported)
        self._show(heartbeat, confirmed, known, owners)

        report = NodeReport(
            node=reported_node(heartbeat, now, address),
            started_at=heartbeat.started_at,
            streams=confirmed,
            projected_at=projection_time(before, heartbeat, now),
            checked_at=checked_at,
            waits=waits,
        )
        waiting = () if before is None or new_boot else before.commands
        # What it has done before and says again costs nothing.
        written = self._nodes.beat(report, (id_ for id_ in heartbeat.done if id_ in waiting), new_boot=new_boot)
        if isinstance(written, Fenced):
            return _fenced()
        if written.projected_at == now:
            self._nodes.project(written.node)
        if new_boot:
            self._nodes.forget_silent(now)
        # Told once the report is written: a beat that failed half-way is done again, and tells then.
        self._tell(stream_events(told_sessions(before, written), confirmed, node))
        commands = [command for command in written.commands.values() if command.not_before <= now]
        others = rest_of_fleet(
            self._directory, node, draining=heartbeat.state == "draining", waiting=heartbeat.waiting, now=now
        )
        return HeartbeatReply(
            lease_seconds=LEASE_SECONDS,
            at=now,
            keys=keys,
            commands=tuple({command.id: command_message(command) for command in [*commands, *ending]}.values()),
            drain=written.node.drained,
            successor=others.successor,
            moved=others.moved,
        )

    def _confirm(
        self,
        heartbeat: Heartbeat,
        reported: dict[str, PublishSession],
        known: dict[str, PublishSession],
        now: float,
        *,
        again: bool,
    ) -> tuple[dict[str, PublishSession], list[PendingCommand], dict[str, Account]]:
        """The reported sessions that the roster has, the ends of the others, and by stream the accounts that were looked at.

        What was confirmed before is taken as read, unless it is looked at *again*.
        """
        confirmed: dict[str, PublishSession] = {}
        ending: list[PendingCommand] = []
        owners: dict[str, Account] = {}
        for stream, session in reported.items():
            new = stream not in known or known[stream].session != session.session
            if not new and not again:
                confirmed[stream] = session
                continue
            facts = {"account": session.account, "stream": stream, "session": session.session}
            marked = self._rosters.mark_used(session.account, stream, session.session, now)
            if isinstance(marked, NotTaken):
                if not is_succeeded_here(marked.account, stream, heartbeat.boot, now):
                    ending.append(
                        PendingCommand(f"superseded-{session.session}", EndReason.SUPERSEDED, session=session.session)
                    )
                    self._log.event("superseded", **facts)
            elif marked.account.suspended:
                ending.append(PendingCommand(f"suspended-{session.session}", EndReason.ADMIN, session=session.session))
                self._log.event("suspended", **facts)
            elif new and self._is_over(heartbeat, stream, session, marked.account.slots[stream], now):
                ending.append(PendingCommand(f"revoked-{session.session}", EndReason.REVOKED, session=session.session))
                self._log.event("revoked", **facts)
            else:
                confirmed[stream] = session
                owners[stream] = marked.account
                self._log.event("publishing", **facts)
        return confirmed, ending, owners

    def _is_over(self, heartbeat: Heartbeat, stream: str, session: PublishSession, slot: Slot, now: float) -> bool:
        """Whether the key of a session that began was revoked or replaced meanwhile; a planned end is ordered.

        Whoever revokes a key writes that down first and looks for a session then; a session is in the roster first and
        looked at here then. So one of the two sees the other, whatever came between reading the key and taking the slot.
        """
        key = self._registry.key(session.account, stream)
        # The entry of a key that is over is moved away.
        until = key.ends_at(slot.key_tag) if key is not None else 0.0
        if until is not None and until > now:
            command = PendingCommand(
                f"revoked-{session.session}", EndReason.REVOKED, session=session.session, not_before=until
            )
            self._nodes.leave_command(heartbeat.node, heartbeat.boot, command)
        return until is not None and until <= now

    def _take_leave(
        self, ended: Iterable[EndedReport], known: dict[str, PublishSession], reported: dict[str, PublishSession]
    ) -> None:
        """Free the slots of sessions that ended, whether the node says so or merely holds them no more."""
        gone = {
            session.session: (session.account, stream)
            for stream, session in known.items()
            if stream not in reported or reported[stream].session != session.session
        }
        ends = {end.session: end for end in ended if end.action == "publish"}
        gone |= {session: (end.account, end.stream) for session, end in ends.items()}
        for session, (account, stream) in gone.items():
            freed = self._rosters.release(account, stream, session)
            reason = ends[session].reason if session in ends else ""
            problem = PROBLEM_ENDS.get(reason)
            self._streams.set_offline(stream, session, (problem.value,) if problem else ())
            if problem is not None:
                self._note_problem(account, stream, session, problem)
            if freed and reason in TOLD_TO_OWNERS:
                # Not where nothing was freed: the same end is reported again until a beat was answered.
                self._note(account, RefusedPublish(stream, self._clock(), reason, "whip", ""))

    def _note_problem(self, account: str, stream: str, session: str, problem: str) -> None:
        """Let the owner read what is wrong with what *session* sends: once a session, however often it is reported."""
        noted = RefusedPublish(stream, self._clock(), Code.UNSUPPORTED_OFFER, "whip", "", problem, session)
        self._note(account, noted)

    def _show(
        self,
        heartbeat: Heartbeat,
        confirmed: dict[str, PublishSession],
        known: dict[str, PublishSession],
        owners: Mapping[str, Account],
    ) -> None:
        """Bring the items that viewers are admitted by up to date, where something changed that they see.

        With a session that begins goes what its account allows: what was not live when that changed learns it so.
        """
        for stream, session in confirmed.items():
            before = known.get(stream)
            shown = (session.session, session.epoch, session.viewers, session.problems)
            if before is None or shown != (before.session, before.epoch, before.viewers, before.problems):
                node, boot = heartbeat.node, heartbeat.boot
                live = Live(
                    session.session, node, boot, session.epoch, session.viewers, session.since, session.problems
                )
                if (before is None or before.session != session.session) and stream in owners:
                    self._streams.begin(stream, live, owners[stream])
                else:
                    self._streams.set_live(stream, live)
            if session.problems and (before is None or before.problems != session.problems):
                self._note_problem(session.account, stream, session.session, session.problems[0])


def _fenced() -> Refused:
    return invalid_request("Another, younger process holds this node's lease.", "boot", status=409)
