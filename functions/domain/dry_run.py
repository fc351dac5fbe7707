"""The dry run of a publish: admission's own code (`functions.domain.publishing.attempt`) over what was read once.

Nothing is written. The slot is taken on a copy of the account, commands are dropped, and waiting takes no time: the clock
is set forward instead. Nodes are assumed to go on reporting what they report now: who sends goes on sending, who is silent
stays silent. So the outcome is what a publish would get if nothing else happened meanwhile, and how long it would take.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from functions.domain.accounts import Account, Key, Slot
from functions.domain.fleet import Fleet, NodeReport, PendingCommand, PublishSession
from functions.domain.placement import Choose
from functions.domain.publishing import AdmittedPublisher, PublishDependencies, attempt, patience_of
from functions.domain.roster import LATE_SECONDS, REPORTED_SILENCE_MS, NotTaken, Take, Taken, Wish, cleared, taking
from shared.keys import RandomBytes, new_session_id
from shared.refusals import Refused, invalid_key

BEAT_SECONDS = 2.0
"""How often a node reports, in seconds."""


@dataclass(frozen=True, slots=True)
class DryRunOutcome:
    """What a publish would get, and after how many seconds of waiting."""

    outcome: AdmittedPublisher | Refused
    waited: float


@dataclass(frozen=True, slots=True)
class DryRunInput:
    """What was read for a dry run: the key, its account, and the nodes."""

    key: Key
    account: Account
    fleet: Fleet
    reports: Mapping[str, NodeReport]
    """The last reports of all nodes that hold slots of the account, by node id."""


def dry_run(
    given: DryRunInput, *, protocol: str, force: bool, region: str, now: float, random: RandomBytes, choose: Choose
) -> DryRunOutcome:
    """What a publish with the key of *given* would get at *now*; nothing is written."""
    if not given.key.valid(now):
        return DryRunOutcome(invalid_key(), 0)
    stores = _DryRunStores(given, now)
    dependencies = PublishDependencies(
        directory=stores,
        rosters=stores,
        nodes=stores,
        region=region,
        clock=stores.clock,
        sleep=stores.sleep,
        random=random,
        choose=choose,
    )
    session = new_session_id(random)
    wish = Wish(given.key.stream, protocol, (session,), now, force, patience_of(now, session))
    outcome = attempt(dependencies, given.key, wish, given.fleet)
    return DryRunOutcome(outcome, round(stores.clock() - now, 3))


class _DryRunStores:
    """Stands for all stores of admission, with a clock of its own; it changes only its copy of the account."""

    def __init__(self, given: DryRunInput, now: float) -> None:
        self._key = given.key
        self._account = given.account
        self._fleet = given.fleet
        self._reports = given.reports
        self._began = self._now = now

    def clock(self) -> float:
        """The time as the dry run has it."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Set the clock forward by *seconds*."""
        self._now += seconds

    def key_and_fleet(self, _digest: str) -> tuple[Key | None, Fleet]:
        """The key of the dry run, whatever is asked for."""
        return self._key, self._fleet

    def fleet(self) -> Fleet:
        """The nodes as they were read."""
        return self._fleet

    def reports(self, nodes: Iterable[str]) -> Mapping[str, NodeReport]:
        """What the *nodes* would report by now."""
        return {name: self._repeated(self._reports[name]) for name in set(nodes) if name in self._reports}

    def read(self, _account: str) -> Account | None:
        """The account as it was read."""
        return self._account

    def take(
        self, _account: str, stream: str, slot: Slot, *, protocol: str, now: float, take: Take, lim: int | None = None
    ) -> Taken | NotTaken:
        """Take the slot on a copy."""
        taken = taking(self._account, stream, slot, protocol=protocol, now=now, take=take, lim=lim)
        return NotTaken(self._account) if taken is None else Taken(taken)

    def clear(self, _account: str, dead: Mapping[str, Slot]) -> Taken | NotTaken:
        """Take *dead* slots off the copy."""
        found = cleared(self._account, dead)
        if found is None:
            return NotTaken(self._account)
        self._account = found
        return Taken(found)

    def release(self, _account: str, _stream: str, _session: str) -> bool:
        """Free no slot: nothing was taken in the store."""
        return False

    def wait(self, _account: str, _stream: str, _session: str, _until: float, _now: float) -> bool:
        """Let it wait: in a dry run nobody else waits."""
        return True

    def leave(self, _account: str, _stream: str, _session: str, _until: float) -> None:
        """Remove no note: none was written."""

    def leave_command(self, _node: str, _boot: str, _command: PendingCommand) -> bool:
        """Leave no command with any node."""
        return False

    def _repeated(self, report: NodeReport) -> NodeReport:
        if self._began - report.node.at >= LATE_SECONDS:
            return report  # its node has missed a heartbeat already
        later = (self._now - report.node.at) // BEAT_SECONDS * BEAT_SECONDS
        if later <= 0 or self._now == self._began:
            return report
        streams = {
            name: replace(session, silent_ms=session.silent_ms + int(later * 1000))
            if session.silent_ms >= REPORTED_SILENCE_MS
            else session
            for name, session in report.streams.items()
        }
        for stream, slot in self._account.slots.items():
            # Marked by a heartbeat that is not in the node's item yet: the next report names it, and goes on naming the rest.
            if slot.boot == report.node.boot and slot.used_at is not None and slot.used_at > report.node.at:
                streams.setdefault(stream, PublishSession(slot.session, self._account.id, self._account.epoch))
        return replace(report, node=replace(report.node, at=report.node.at + later), streams=streams)
