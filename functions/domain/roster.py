"""The rules of the roster: may this stream key publish now, and what has to be written for it? Pure.

`decide()` is called after the ordinary conditional write was refused, with the account as it was at that moment. It
returns a refusal, a write that replaces or reclaims exactly what was seen (and fails if anything changed since), the need
for more reports, or the need to wait. Nothing here reads, writes, sleeps or asks for the time.

The rule of a takeover (docs/design.md, rule 3), made exact: a key is *in use* only when that is known. It is known when a
heartbeat younger than the request reports a packet younger than the request, or when the node has not reported a silence
although it would have by now. Until then the decision is `Wait`. So an encoder that lost its network, or whose node died,
gets in at its first retry: three seconds after the last packet, or the last heartbeat, it counts as silent. A node that is
cut off from the control plane counts as silent like one that died, and so does every node in the seconds after the control
plane itself was away. A publish then ends the session that the same key still has there, at that node's next heartbeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from math import ceil

from functions.domain.accounts import Account, Slot
from functions.domain.fleet import Fleet, NodeReport, NodeState
from shared.refusals import Refused, invalid_key, key_already_in_use, protocol_not_allowed, stream_limit_reached

SILENCE_SECONDS = 3.0
"""A publisher that was silent for so long, or has not begun for so long, is replaced."""
REPORTED_SILENCE_MS = 500
"""A node reports at once when a publisher falls silent for longer than this."""
SILENCE_REPORT_SECONDS = 1.0
"""How long it can take until a silence that began before the request is reported, with a margin."""
LATE_SECONDS = 2.4
"""A heartbeat comes every two seconds. When the last one is older than this, one is missing, and it proves nothing."""
OVERDUE_SECONDS = 3.0
"""When a node's last heartbeat is older than this, its publishers count as silent since the last packet that we know of."""
DAMPING_SECONDS = 10
"""For how long a forced takeover cannot be forced back; doubled for each forced takeover that follows."""
MAX_DAMPING_SECONDS = 320
MAX_RECLAIMS = 20
"""Slots that one write reclaims at most: each has a clause of its own, and DynamoDB takes expressions of 4 KB at most."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to publish, as the rules see it: by its stream and session ids, without its key."""

    stream: str
    protocol: str
    sessions: tuple[str, ...]
    """Session ids that belong to this request: one, or with an Idempotency-Key those of its repetitions too."""
    arrived_at: float
    force: bool = False
    patient_until: float = 0
    """When its waiting ends. It marks the slot that it waits for with this number, which no other request has."""


@dataclass(frozen=True, slots=True)
class OwnSlot:
    """The slot was taken by this very request before, whose answer got lost: it is used again."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class NeedReports:
    """The decision needs the last reports of the nodes with these process lives."""

    boots: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wait:
    """The decision needs time: decide again in a moment. Only one request may wait for a slot."""

    server: str
    """The node that the refusal names if the request may not wait any longer."""
    slot: Slot


@dataclass(frozen=True, slots=True)
class Take:
    """Write the slot, provided that the roster is still what was seen."""

    session: str
    replaces: Slot | None = None
    """The stream's present slot, which is replaced; None: the stream must have no slot."""
    reclaims: Mapping[str, Slot] = field(default_factory=dict)
    """Slots of other streams that no grant and no session uses any more: they are removed in the same write."""
    forced: int = 0


@dataclass(frozen=True, slots=True)
class Clear:
    """More slots are dead than one write can reclaim: remove these from the roster, and decide again."""

    dead: Mapping[str, Slot]


@dataclass(frozen=True, slots=True)
class Taken:
    """The roster was written; *account* is the account after the write."""

    account: Account


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The roster was not what the write expected; *account* is the account as it is, None where there is none."""

    account: Account | None


Decision = Refused | OwnSlot | NeedReports | Wait | Clear | Take
Reports = Mapping[str, NodeReport | None]
"""The last report of the node with each process life. None: no node has that life now."""


def decide(account: Account, wish: Wish, fleet: Fleet, reports: Reports, now: float) -> Decision:
    """What to do about *wish*, given the account as it was when the ordinary write was refused."""
    refused = refuse_account(account, wish.protocol, now)
    if refused is not None:
        return refused
    slot = account.slots.get(wish.stream)
    if slot is None:
        return _make_room(account, wish, Take(wish.sessions[0]), reports, now)
    repetition = wish.sessions.index(slot.session) if slot.session in wish.sessions else None
    if repetition is not None and slot.used_at is None and now < slot.expires_at:
        node = fleet.of_boot(slot.boot)
        if node is not None and node.serves(now):
            return OwnSlot(slot)
    if slot.boot not in reports:
        return NeedReports(frozenset({slot.boot}))
    if repetition is not None:
        following = wish.sessions[min(repetition + 1, len(wish.sessions) - 1)]
        return _make_room(account, wish, Take(following, slot), reports, now)
    contested = _contest(slot, wish, reports[slot.boot], now)
    if isinstance(contested, Wait):
        return _others_wait(slot, wish, contested.server, now) or contested
    return contested if not isinstance(contested, Take) else _make_room(account, wish, contested, reports, now)


def refuse_account(account: Account, protocol: str, now: float) -> Refused | None:
    """Why the account itself may not publish by *protocol* at *now*, or None; key before protocol before quota."""
    if account.suspended:
        return invalid_key()
    if protocol not in account.limits.protocols:
        return protocol_not_allowed(protocol, account.tier)
    return account.over_quota(now)


def occupied(stream: str, slot: Slot, report: NodeReport | None, now: float) -> bool:
    """Whether anybody uses *slot* (docs/design.md, rule 2): by a usable grant, or by a session that its node reports."""
    if report is None or report.node.boot != slot.boot:
        # The boot is over, or so young that our view of the fleet does not have it yet; only a grant can tell.
        return report is None and slot.grant_usable(now)
    if report.holds(stream, slot.session, now):
        return True
    if slot.used_at is None:
        return slot.grant_usable(now) and report.node.state is not NodeState.STOPPED
    # The heartbeat that marked the slot as used is written to the node's item a moment later: an older report is no proof.
    return report.node.at < slot.used_at and report.node.leased(now)


def taking(
    account: Account, stream: str, slot: Slot, *, protocol: str, now: float, take: Take, lim: int | None = None
) -> Account | None:
    """*account* with *slot* written as *take* says; None where the condition of that write does not hold.

    This is the condition of the write in `functions.storage.rosters`, in Python: for the dry run and for tests, which
    have the account and no store. `tests/functions/storage/test_rosters.py` compares the two.
    """
    if not _may_take(account, stream, protocol, now, take, lim):
        return None
    kept = {name: held for name, held in account.slots.items() if name not in take.reclaims}
    return replace(account, slots={**kept, stream: slot}, epoch=account.epoch + 1)


def cleared(account: Account, dead: Mapping[str, Slot]) -> Account | None:
    """*account* without the *dead* slots; None where one of them is no longer what was seen."""
    if not all(_same(account.slots.get(stream), seen) for stream, seen in dead.items()):
        return None
    return replace(account, slots={name: held for name, held in account.slots.items() if name not in dead})


def _may_take(account: Account, stream: str, protocol: str, now: float, take: Take, lim: int | None) -> bool:
    limits, present = account.limits, account.slots.get(stream)
    if refuse_account(account, protocol, now) is not None:
        return False
    if (present is not None) if take.replaces is None else not _same(present, take.replaces):
        return False
    if not all(_same(account.slots.get(victim), seen) for victim, seen in take.reclaims.items()):
        return False
    if take.replaces is None and not take.reclaims:
        return len(account.slots) < limits.streams
    bound = (lim or 0) + len(take.reclaims) - (take.replaces is None)
    return lim == limits.streams and len(account.slots) <= bound


def _same(present: Slot | None, seen: Slot) -> bool:
    """Whether the slot is the one that was seen, and has not become used since where it was seen unused."""
    return (
        present is not None
        and present.session == seen.session
        and (seen.used_at is not None or present.used_at is None)
    )


def _make_room(account: Account, wish: Wish, take: Take, reports: Reports, now: float) -> Decision:
    """*take* with the slots that must be reclaimed for the stream limit to hold; a refusal where too few can be."""
    limit = account.limits.streams
    others = {stream: slot for stream, slot in account.slots.items() if stream != wish.stream}
    if len(others) < limit:
        return take
    unknown = frozenset(slot.boot for slot in others.values() if slot.boot not in reports)
    if unknown:
        return NeedReports(unknown)
    dead = {stream: slot for stream, slot in others.items() if not occupied(stream, slot, reports[slot.boot], now)}
    current = len(others) - len(dead)
    if current >= limit:
        return stream_limit_reached(current, limit)
    some = dict(islice(dead.items(), MAX_RECLAIMS))
    if len(others) - len(some) >= limit:
        # More stand in the way than one write takes off: after a limit was lowered, say.
        return Clear(some)
    return Take(take.session, take.replaces, some, take.forced)


def _contest(slot: Slot, wish: Wish, report: NodeReport | None, now: float) -> Refused | Wait | Take:
    """Whether this request replaces another session's *slot* on the same stream."""
    replaced = Take(wish.sessions[0], slot)
    if not occupied(wish.stream, slot, report, now):
        return replaced
    server = report.node.id if report is not None else "unknown"
    since = _quiet_since(slot, wish.stream, report, now)
    if since is not None and now - since >= SILENCE_SECONDS:
        return replaced
    if wish.force:
        return _force(slot, wish, server, now)
    if since is not None:
        return Wait(server, slot)
    # The publisher seems to send. Did a packet come after the request? Only a heartbeat that was sent after the request can say so.
    # A node that merely has had the time to report a silence may be dead itself: it tells nothing that is younger than its last
    # heartbeat.
    if report is not None and (found := report.streams.get(wish.stream)) is not None:
        heard = report.node.at - found.silent_ms / 1000
        timely = report.node.at >= wish.arrived_at and now - report.node.at < LATE_SECONDS
        if heard >= wish.arrived_at or (timely and now - wish.arrived_at >= SILENCE_REPORT_SECONDS):
            return key_already_in_use(server)
    return Wait(server, slot)


def _others_wait(slot: Slot, wish: Wish, server: str, now: float) -> Refused | None:
    """The refusal where another request waits for *slot* already: each waiting request holds a process, so a key has one."""
    until = slot.awaited_until
    if until is None or until <= now or until == wish.patient_until:
        return None
    return key_already_in_use(server, ceil(until - now))


def _quiet_since(slot: Slot, stream: str, report: NodeReport | None, now: float) -> float | None:
    """Since when nothing has been heard of the slot's publisher; None while it sends."""
    found = report.streams.get(stream) if report is not None else None
    if report is None or found is None or found.session != slot.session:
        if slot.used_at is None:
            return slot.granted_at
        # A heartbeat reported the session but is not in the node's item yet; if it was the node's last, it never will be.
        heard = slot.used_at if report is None else max(slot.used_at, report.node.at)
        return heard if now - heard >= OVERDUE_SECONDS else None
    if found.silent_ms >= REPORTED_SILENCE_MS or now - report.node.at >= OVERDUE_SECONDS:
        return report.node.at - found.silent_ms / 1000
    return None


def _force(slot: Slot, wish: Wish, server: str, now: float) -> Refused | Take:
    """A forced takeover, unless the slot was itself taken by force a moment ago."""
    calm = slot.granted_at + damping(slot.forced)
    if slot.forced and now < calm:
        return key_already_in_use(server, ceil(calm - now))
    # Two encoders that keep forcing each other wait longer each time; left alone for a while, a key starts afresh.
    in_a_row = slot.forced + 1 if slot.forced and now < calm + 3 * damping(slot.forced) else 1
    return Take(wish.sessions[0], slot, forced=in_a_row)


def damping(forced: int) -> int:
    """For how many seconds the *forced*-th forced takeover in a row cannot be forced back."""
    return min(DAMPING_SECONDS << max(0, forced - 1), MAX_DAMPING_SECONDS)
