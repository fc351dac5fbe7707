"""Counted bytes: grow-only totals per account, month, node and process life, their sum, and the block of a full quota.

Each total (shard) is the largest that its node ever reported, so duplicates, reordering, replays and lost reports change
nothing (docs/design.md, rule 5). The sum of the shards is exactly what the account used in the month.
"""

from collections.abc import Iterable, Mapping

from functions.domain.accounts import Account
from functions.domain.quota import ToldMark
from functions.domain.usage import Parts, UsageTotal
from functions.storage.dynamo import MAX_BATCH_READ, Dynamo, Unmet, Update
from functions.storage.items.account import account_of, locate_account, told_item

# An old total, a duplicate or a replay.
GROWS = "attribute_not_exists(b) OR b < :b"
# The quota is compared inside the write: a limit that was raised a moment ago is not overruled by an older reading.
OVER = "quota <= :used"
# A late report of a past month does not lift the present month's block.
NOT_LATER = "(attribute_not_exists(blocked) OR blocked <= :month)"
# The figures of a block only grow.
MORE = "(attribute_not_exists(used) OR used.#month < :month OR used.#bytes < :used)"

# Another consumer may have told of a higher mark meanwhile. A mark of another month or quota does not count.
HIGHER = "(attribute_not_exists(told) OR told.#month <> :month OR told.#quota <> :quota OR told.#percent < :percent)"


class UsageLedger:
    """Merges and sums counted bytes, and blocks accounts whose quota is full: the only writer of both."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def merge(self, total: UsageTotal) -> bool:
        """Note *total* unless a larger one is known; whether it was larger.

        Its division by day and by stream goes with it in the same write, so the two always add up to it alike.
        """
        outcome = self._dynamo.update(
            Update(
                self._table,
                {"pk": f"USAGE#{total.account}#{total.month}", "sk": f"{total.node}#{total.boot}"},
                "SET b = :b, r = :r, s = :s, d = :d, t = :t",
                GROWS,
                values={
                    ":b": total.received + total.sent,
                    ":r": total.received,
                    ":s": total.sent,
                    ":d": total.days,
                    ":t": total.streams,
                },
            )
        )
        return not isinstance(outcome, Unmet)

    def known(self, totals: Iterable[UsageTotal]) -> list[UsageTotal]:
        """Those of *totals* that are merged already, or that a larger one of the same process life replaced."""
        wanted = {(total.account, total.month, total.node, total.boot): total for total in totals}
        keys = [{"pk": f"USAGE#{account}#{month}", "sk": f"{node}#{boot}"} for account, month, node, boot in wanted]
        found: dict[tuple[str, str], int] = {}
        for start in range(0, len(keys), MAX_BATCH_READ):
            some = keys[start : start + MAX_BATCH_READ]
            items = self._dynamo.batch_get({self._table: some}, consistent=True)[self._table]
            found |= {(item["pk"], item["sk"]): item["b"] for item in items}
        return [
            total
            for key, total in zip(keys, wanted.values(), strict=True)
            if found.get((key["pk"], key["sk"]), -1) >= total.received + total.sent
        ]

    def shards(self, account: str, month: str) -> list[UsageTotal]:
        """Every node's total of *account* in *month*."""
        found = []
        for item in self._dynamo.query(self._table, f"USAGE#{account}#{month}"):
            node, _, boot = item["sk"].rpartition("#")
            days, streams = (_parts(item.get(name)) for name in ("d", "t"))
            found.append(UsageTotal(account, month, node, boot, item["r"], item["s"], days, streams))
        return found

    def used(self, account: str, month: str) -> int:
        """The bytes that *account* used in *month*, both directions."""
        return sum(shard.received + shard.sent for shard in self.shards(account, month))

    def block(self, account: str, month: str, used: int) -> Account | None:
        """Block *account* for *month* if *used* bytes fill its quota; the account as blocked, None where it is not or was."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_account(account),
                "SET blocked = :month, used = :usage, lv = if_not_exists(lv, :none) + :one",
                f"attribute_exists(pk) AND {OVER} AND {NOT_LATER} AND {MORE}",
                {"#month": "month", "#bytes": "bytes"},
                {":month": month, ":used": used, ":usage": {"month": month, "bytes": used}, ":none": 0, ":one": 1},
                returning="ALL_NEW",
            )
        )
        return None if isinstance(outcome, Unmet) else account_of(outcome.item)

    def unblock(self, account: str, used: int) -> Account | None:
        """Lift the block of *account* if its quota has room for more than *used* bytes; the account then, None where not."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_account(account),
                "SET lv = if_not_exists(lv, :none) + :one REMOVE blocked",
                "attribute_exists(blocked) AND quota > :used",
                values={":used": used, ":none": 0, ":one": 1},
                returning="ALL_NEW",
            )
        )
        return None if isinstance(outcome, Unmet) else account_of(outcome.item)

    def remember_told(self, account: str, told: ToldMark) -> None:
        """Note that the owner of *account* was told of a mark of the quota."""
        self._dynamo.update(
            Update(
                self._table,
                locate_account(account),
                "SET told = :told",
                f"attribute_exists(pk) AND {HIGHER}",
                {"#month": "month", "#quota": "quota", "#percent": "percent"},
                {":told": told_item(told), **{f":{name}": value for name, value in told_item(told).items()}},
            )
        )


def _parts(item: Mapping[str, list[int]] | None) -> Parts:
    return {name: (received, sent) for name, (received, sent) in (item or {}).items()}
