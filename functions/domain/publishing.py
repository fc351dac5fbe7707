"""Admission of a publisher: look up the key, choose a node, take the slot in one conditional write.

An ordinary publish takes two calls to the store. Where the write is refused, the account's item comes back with the
refusal, and `functions.domain.roster.decide()` says what to do about it. This module fetches the reports that the decision
needs, waits where it needs time, and makes the write that it names. Everything here can be repeated safely: a slot is taken
under a session id that was chosen before the first attempt.
"""

import hashlib
from base64 import b32encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never
from zlib import crc32

from functions.domain.accounts import Account, Key, Slot
from functions.domain.fleet import Fleet, Node, NodeReport, PendingCommand
from functions.domain.placement import Choose, place
from functions.domain.roster import Clear, NeedReports, OwnSlot, Take, Taken, Wait, Wish, decide
from functions.domain.stores import CommandStore, KeyLookup, SlotStore
from shared.end_reasons import EndReason
from shared.grants import GRACE_SECONDS, GRANT_SECONDS
from shared.keys import RandomBytes, StreamKey, new_session_id
from shared.refusals import (
    Code,
    Refused,
    invalid_key,
    key_already_in_use,
    no_capacity,
    protocol_not_allowed,
    unavailable,
)

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 7.0
"""The longest wait for a predecessor that may be silent, with up to half a second more. The function's time limit is above it."""
ATTEMPTS = 8
"""Conditional writes that may lose to other requests before the answer is that nothing can be decided now."""
MAX_IDEMPOTENCY_KEY = 255
REPETITIONS = 8
"""Sessions that requests with one Idempotency-Key can have, one after the other."""


@dataclass(frozen=True, slots=True)
class Publish:
    """A request to publish: the key, and what the client asked for."""

    key: StreamKey
    protocol: str = "whip"
    force: bool = False
    region: str | None = None
    node: str | None = None
    """The node that asks on behalf of its client, and wants to have it."""
    idempotency_key: str | None = None
    address: str = ""
    """The client's address, as far as it is known."""


def _recorded_nowhere(_key: Key, _request: Publish, _refused: Refused, _now: float) -> None:
    """Keeps nothing: for callers that keep no refusals."""


def _always() -> None:
    """Does nothing: for callers that need nothing else before a slot is taken."""


@dataclass(frozen=True, slots=True)
class AdmittedPublisher:
    """A publisher who is let in: the slot that was taken, and the node that it is on."""

    account: Account
    stream: str
    slot: Slot
    node: Node


@dataclass(frozen=True, slots=True)
class PublishDependencies:
    """What admission of a publisher works with: the store, the node choice, time and randomness."""

    directory: KeyLookup
    rosters: SlotStore
    nodes: CommandStore
    region: str
    """The region of this control plane, where a publisher goes who does not ask for another."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    random: RandomBytes
    choose: Choose
    record: Callable[[Key, Publish, Refused, float], None] = _recorded_nowhere
    """Called with every refusal of a valid key, for the key's owner to read."""
    ready: Callable[[], object] = _always
    """Called before a slot is taken. It raises where the caller could not sign a grant: nobody would use that slot."""


def admit(dependencies: PublishDependencies, request: Publish) -> AdmittedPublisher | Refused:
    """Take a slot for *request*; the publisher who is let in, or the refusal."""
    now = dependencies.clock()
    key, fleet = dependencies.directory.key_and_fleet(request.key.digest)
    if key is None or not key.valid(now):
        return invalid_key()
    sessions = (
        (new_session_id(dependencies.random),)
        if request.idempotency_key is None
        else tuple(_repetitions(request.key.digest, request.idempotency_key))
    )
    wish = Wish(key.stream, request.protocol, sessions, now, request.force, patience_of(now, sessions[0]))
    outcome = attempt(dependencies, key, wish, fleet, region=request.region, node=request.node)
    if isinstance(outcome, Refused):
        if outcome.code is not Code.INVALID_KEY:
            # The owner of an account that is suspended or gone reads no refusals.
            dependencies.record(key, request, outcome, dependencies.clock())
    elif key.revoked_at is not None:
        # The key is to be revoked: its session ends with it.
        node, slot = outcome.node, outcome.slot
        command = PendingCommand(
            f"revoked-{slot.session}", EndReason.REVOKED, session=slot.session, not_before=key.revoked_at
        )
        dependencies.nodes.leave_command(node.id, node.boot, command)
    return outcome


def attempt(
    dependencies: PublishDependencies,
    key: Key,
    wish: Wish,
    fleet: Fleet,
    *,
    region: str | None = None,
    node: str | None = None,
) -> AdmittedPublisher | Refused:
    """Take a slot for *wish* of a valid *key*. A dry run calls this very function, with dependencies that write nothing."""
    return _restricted(dependencies, key, wish.protocol) or _Attempt(dependencies, key, wish, fleet, region, node).run()


def patience_of(arrived_at: float, session: str) -> float:
    """When a request that came at *arrived_at* stops waiting: to the microsecond, as it is stored and compared.

    Requests of the same instant get different times within half a second, by their *session*, so that each can tell its
    own mark on a slot from another's.
    """
    return round(arrived_at + PATIENCE_SECONDS + crc32(session.encode()) % 500_000 / 1e6, 6)


def _restricted(dependencies: PublishDependencies, key: Key, protocol: str) -> Refused | None:
    """Why the key itself may not publish by *protocol*, or None. The account is read for its tier, which the refusal names."""
    if key.protocols is None or protocol in key.protocols:
        return None
    account = dependencies.rosters.read(key.account)
    if account is None or account.suspended:
        return invalid_key()
    return protocol_not_allowed(protocol, account.tier)


def _repetitions(digest: str, idempotency_key: str) -> Iterable[str]:
    """The session ids of requests with this key and Idempotency-Key, in order; every process finds the same ones."""
    for number in range(REPETITIONS):
        hashed = hashlib.sha256(f"{digest}\n{idempotency_key}\n{number}".encode()).digest()
        yield b32encode(hashed[:16]).decode().rstrip("=").lower()


class _Attempt:
    """One request to publish, from the first write on: refused writes, missing reports, waiting."""

    def __init__(
        self,
        dependencies: PublishDependencies,
        key: Key,
        wish: Wish,
        fleet: Fleet,
        region: str | None,
        node: str | None,
    ) -> None:
        self._dependencies = dependencies
        self._region = region
        self._node = node
        self._key = key
        self._wish = wish
        self._fleet = fleet
        self._reports: dict[str, NodeReport | None] = {}
        """By boot."""
        self._awaits: Slot | None = None
        """The slot that this request is noted to wait for."""

    def run(self) -> AdmittedPublisher | Refused:
        """Make the ordinary write first, and then what the rules say."""
        outcome = self._run()
        if isinstance(outcome, Refused) and self._awaits is not None:
            # The next request may wait at once. A slot that was taken took the note along; a note that stays lapses by itself.
            self._dependencies.rosters.leave(
                self._key.account, self._key.stream, self._awaits.session, self._wish.patient_until
            )
        return outcome

    def _run(self) -> AdmittedPublisher | Refused:
        node = self._place()
        account: Account | None
        if node is None:
            # The account may have a better reason to refuse, or a slot on a node that is merely full.
            account = self._dependencies.rosters.read(self._key.account)
        else:
            outcome = self._write(node, Take(self._wish.sessions[0]), None)
            if isinstance(outcome, AdmittedPublisher):
                return outcome
            account = outcome
        for _ in range(ATTEMPTS):
            settled = self._settle(account)
            if isinstance(settled, Refused | AdmittedPublisher):
                return settled
            account = settled
        return unavailable()

    def _settle(self, account: Account | None) -> AdmittedPublisher | Refused | Account | None:
        """Apply the rules until they name a write, and make it; the account as it is where others were faster."""
        while True:
            if account is None:
                return invalid_key()  # the key outlived its account
            now = self._dependencies.clock()
            decision = decide(account, self._wish, self._fleet, self._reports, now)
            match decision:
                case Refused():
                    return decision
                case OwnSlot():
                    return self._own(account, decision.slot)
                case NeedReports():
                    self._look(decision.boots)
                case Wait():
                    if now >= self._wish.patient_until:
                        return key_already_in_use(decision.server)
                    account = self._wait(decision.slot, now)
                case Clear():
                    account = self._clear(decision)
                case Take():
                    return self._take(account, decision, now)
                case _:
                    assert_never(decision)

    def _wait(self, slot: Slot, now: float) -> Account | None:
        """Let a moment pass if this request may wait; the account as it is then, since its roster may have changed."""
        if self._may_wait(slot, now):
            self._dependencies.sleep(POLL_SECONDS)
        self._reports.clear()
        return self._dependencies.rosters.read(self._key.account)

    def _may_wait(self, slot: Slot, now: float) -> bool:
        """Whether this request is the one that waits for *slot*; it takes one write for each slot that it waits for."""
        if self._awaits is not None and self._awaits.session == slot.session:
            return True
        until = self._wish.patient_until
        if not self._dependencies.rosters.wait(self._key.account, self._key.stream, slot.session, until, now):
            return False
        self._awaits = slot
        return True

    def _look(self, boots: frozenset[str]) -> None:
        """Fetch what the nodes of *boots* last reported."""
        if any(self._fleet.of_boot(boot) is None for boot in boots):
            # That process life is over, or younger than the fleet as it was read.
            self._fleet = self._dependencies.directory.fleet()
        nodes = {node.id for boot in boots if (node := self._fleet.of_boot(boot)) is not None}
        found = (
            {report.node.boot: report for report in self._dependencies.directory.reports(nodes).values()}
            if nodes
            else {}
        )
        self._reports |= {boot: found.get(boot) for boot in boots}

    def _clear(self, clear: Clear) -> Account | None:
        """Remove dead slots from the roster; the account as it is then."""
        outcome = self._dependencies.rosters.clear(self._key.account, clear.dead)
        if isinstance(outcome, Taken):
            self._end(clear.dead.values())
        return outcome.account

    def _take(self, account: Account, take: Take, now: float) -> AdmittedPublisher | Refused | Account | None:
        node = self._successor(take, now)
        if node is None:
            return no_capacity()
        outcome = self._write(node, take, account.limits.streams)
        if isinstance(outcome, AdmittedPublisher):
            self._fence(take, node, now)
        return outcome

    def _successor(self, take: Take, now: float) -> Node | None:
        """The predecessor's node while it lives, so that viewers stay connected; else any node.

        A session that never began has no viewers. Then a node where viewers wait comes first.
        """
        if take.replaces is None:
            return self._place()
        if take.replaces.used_at is None and self._key.awaited_at(now) not in {None, take.replaces.boot}:
            return self._place(avoid=take.replaces.boot)
        report = self._reports.get(take.replaces.boot)
        if report is None:
            return self._place(avoid=take.replaces.boot)
        overdue = now - report.node.at >= 3
        if report.node.open(now) and not overdue:
            return report.node
        return self._place(avoid=take.replaces.boot)

    def _fence(self, take: Take, successor: Node, now: float) -> None:
        """Command the end of the sessions that lost their slots, in case they still run.

        On the same node the new session ends the old one by its higher epoch when it begins, and viewers stay. The
        command is for the case that it never begins.
        """
        if take.replaces is not None:
            same = take.replaces.boot == successor.boot
            self._end([take.replaces], not_before=now + GRANT_SECONDS + GRACE_SECONDS if same else 0)
        self._end(take.reclaims.values())

    def _end(self, slots: Iterable[Slot], *, not_before: float = 0) -> None:
        """Command the sessions of *slots*, which are off the roster, to end."""
        for slot in slots:
            report = self._reports.get(slot.boot)
            if report is not None and slot.used_at is not None:
                command = PendingCommand(
                    f"superseded-{slot.session}", EndReason.SUPERSEDED, session=slot.session, not_before=not_before
                )
                self._dependencies.nodes.leave_command(report.node.id, slot.boot, command)

    def _write(self, node: Node, take: Take, limit: int | None) -> AdmittedPublisher | Account | None:
        self._dependencies.ready()
        now = self._dependencies.clock()
        slot = Slot(take.session, node.boot, int(now) + GRANT_SECONDS, forced=take.forced, key_tag=self._key.tag)
        outcome = self._dependencies.rosters.take(
            self._key.account, self._key.stream, slot, protocol=self._wish.protocol, now=now, take=take, lim=limit
        )
        if isinstance(outcome, Taken):
            return AdmittedPublisher(outcome.account, self._key.stream, slot, node)
        return outcome.account

    def _own(self, account: Account, slot: Slot) -> AdmittedPublisher:
        node = self._fleet.of_boot(slot.boot)
        assert node is not None  # noqa: S101 - decide() says OwnSlot only of a node that is in this fleet
        return AdmittedPublisher(account, self._key.stream, slot, node)

    def _place(self, *, avoid: str | None = None) -> Node | None:
        now = self._dependencies.clock()
        return place(
            self._fleet,
            now=now,
            region=self._region or self._dependencies.region,
            choose=self._dependencies.choose,
            node=self._node,
            audience=self._key.awaited_at(now),
            avoid=avoid,
        )
