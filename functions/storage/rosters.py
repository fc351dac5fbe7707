"""The writes on an account's roster: one conditional update decides a publish (docs/design.md, rule 1).

Every condition is a named clause with its reason above it. A write that is repeated after its answer got lost fails, and
finds its own session in the item that comes back with the failure; the rules see that (`functions.domain.roster.OwnSlot`).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from functions.domain.accounts import Account, Slot
from functions.domain.roster import MAX_RECLAIMS, NotTaken, Take, Taken
from functions.domain.stores import StoreUnavailableError
from functions.storage.dynamo import Dynamo, Unmet, Update, Written
from functions.storage.items.account import account_of, locate_account, slot_item
from functions.storage.items.ids import pack
from shared.months import month_of

if TYPE_CHECKING:
    from functions.storage.attributes import Item

# The account may have been deleted since its key was read; without this an update would create a bare item.
EXISTS = "attribute_exists(pk)"
# The operator closed it.
OPEN = "attribute_not_exists(suspended)"
# Worked out from tier and overrides whenever those change, so that the condition sees the limits of this very moment.
PROTOCOL = "contains(protos, :protocol)"
# A block is for one month: the next month's publish passes without anybody lifting it.
WITHIN_QUOTA = "(attribute_not_exists(blocked) OR blocked <> :month)"
# One publisher a stream.
FREE = "attribute_not_exists(slots.#stream)"
# Slots that nobody uses any more still count here: the ordinary write can only refuse too much, never too little.
ROOM = "size(slots) < lim"
# The stream's slot is the one that was seen; nobody has replaced it since.
SAME = "slots.#stream.s = :seen"
# The grant of a slot that was seen unused has not become a session since.
STILL_UNUSED = "attribute_not_exists(slots.#stream.u)"
# No request waits for the slot, or the one that did has ended or died by now; or this is the same write again.
UNAWAITED = "(attribute_not_exists(slots.#stream.w) OR slots.#stream.w <= :now OR slots.#stream.w = :until)"
AWAITED_HERE = "slots.#stream.w = :until"
# `size(slots) <= :bound` is worked out from the limit that was seen, so the limit must still be that one.
SAME_LIMIT = "lim = :lim"
BOUND = "size(slots) <= :bound"


class Rosters:
    """Takes, marks and frees publishing slots."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self, account: str) -> Account | None:
        """The account as of now."""
        item = self._dynamo.get(self._table, locate_account(account))
        return account_of(item) if item else None

    def take(
        self, account: str, stream: str, slot: Slot, *, protocol: str, now: float, take: Take, lim: int | None = None
    ) -> Taken | NotTaken:
        """Write *slot* for *stream*, provided that the account allows it and the roster is what *take* says.

        *lim* is the stream limit that a take with victims or a predecessor was decided by.
        """
        names = {"#stream": stream}
        values: Item = {
            ":slot": slot_item(slot),
            ":one": 1,
            ":protocol": protocol,
            ":month": month_of(now),
        }
        clauses = [EXISTS, OPEN, PROTOCOL, WITHIN_QUOTA]
        if take.replaces is None:
            clauses.append(FREE)
        else:
            clauses.append(SAME)
            values[":seen"] = pack(take.replaces.session)
            if take.replaces.used_at is None:
                clauses.append(STILL_UNUSED)
        if take.replaces is None and not take.reclaims:
            clauses.append(ROOM)
        else:
            clauses += [SAME_LIMIT, BOUND]
            values[":lim"] = lim
            values[":bound"] = (lim or 0) + len(take.reclaims) - (take.replaces is None)
        victims = _Victims(take.reclaims)
        return self._written(
            Update(
                self._table,
                locate_account(account),
                f"SET slots.#stream = :slot, ep = ep + :one {victims.removal}".rstrip(),
                " AND ".join([*clauses, *victims.clauses]),
                {**names, **victims.names},
                {**values, **victims.values},
                returning="ALL_NEW",
            )
        )

    def clear(self, account: str, dead: Mapping[str, Slot]) -> Taken | NotTaken:
        """Remove *dead* slots (at most `MAX_RECLAIMS`) from the roster, provided that they are what was seen."""
        victims = _Victims(dead)
        return self._written(
            Update(
                self._table,
                locate_account(account),
                victims.removal,
                " AND ".join(victims.clauses),
                victims.names,
                victims.values,
                returning="ALL_NEW",
            )
        )

    def _written(self, change: Update) -> Taken | NotTaken:
        outcome = self._dynamo.update(change)
        if isinstance(outcome, Unmet):
            return NotTaken(account_of(outcome.item) if outcome.item else None)
        return Taken(account_of(outcome.item))

    def mark_used(self, account: str, stream: str, session: str, at: float) -> Taken | NotTaken:
        """Note that *session* began; the account then, or as it is where its roster does not have the session."""
        outcome = self._on_own_slot(
            account, stream, session, "SET slots.#stream.u = if_not_exists(slots.#stream.u, :at)", {":at": at}
        )
        if isinstance(outcome, Unmet):
            return NotTaken(account_of(outcome.item) if outcome.item else None)
        return Taken(account_of(outcome.item))

    def release(self, account: str, stream: str, session: str) -> bool:
        """Free the slot of *session*; False where it was not there."""
        return not isinstance(self._on_own_slot(account, stream, session, "REMOVE slots.#stream", {}), Unmet)

    def wait(self, account: str, stream: str, session: str, until: float, now: float) -> bool:
        """Note that a request waits for the slot of *session*, *until* then at most; False where another one does, or it is gone."""
        return not isinstance(
            self._on_own_slot(
                account,
                stream,
                session,
                "SET slots.#stream.w = :until",
                {":until": until, ":now": now},
                f"{SAME} AND {UNAWAITED}",
            ),
            Unmet,
        )

    def leave(self, account: str, stream: str, session: str, until: float) -> None:
        """Remove the note that `wait` made with the same *until*; if that fails, it lapses by itself."""
        with suppress(StoreUnavailableError):
            self._on_own_slot(
                account, stream, session, "REMOVE slots.#stream.w", {":until": until}, f"{SAME} AND {AWAITED_HERE}"
            )

    def _on_own_slot(
        self, account: str, stream: str, session: str, update: str, values: dict[str, Any], condition: str = SAME
    ) -> Written | Unmet:
        names, values = {"#stream": stream}, {":seen": pack(session), **values}
        return self._dynamo.update(
            Update(self._table, locate_account(account), update, condition, names, values, "ALL_NEW")
        )


class _Victims:
    """The part of an update that removes slots, each only if it is what was seen: a renewal or a heartbeat wins."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        assert len(slots) <= MAX_RECLAIMS  # noqa: S101 - more would not fit an expression; `functions.domain.roster` sees to it
        self.names = {f"#v{number}": stream for number, stream in enumerate(slots)}
        self.values = {f":v{number}": pack(slot.session) for number, slot in enumerate(slots.values())}
        self.clauses: list[str] = []
        for number, slot in enumerate(slots.values()):
            self.clauses.append(f"slots.#v{number}.s = :v{number}")
            if slot.used_at is None:
                self.clauses.append(f"attribute_not_exists(slots.#v{number}.u)")
        self.removal = f"REMOVE {', '.join(f'slots.{name}' for name in self.names)}" if slots else ""
