"""Usage reports become exact totals, and a full quota becomes a block with its sessions ended.

Every step can be repeated: totals only grow, a block is for one month, a command has one id for some seconds. A record fails alone;
SQS brings it again, and after some times it waits in the dead-letter queue, from where a redrive loses nothing either.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from functions.accounts import Account, Usage
from functions.fleet import Order
from functions.observability import Log
from functions.quota import Crossing, Told, crossings
from functions.storage.directory import Directory
from functions.storage.dynamo import StoreUnavailableError
from functions.storage.nodes import Nodes
from functions.storage.registry import Registry
from functions.storage.usage import Parts, Total, UsageLedger
from shared.messages import UsageEntry, UsageReport
from shared.months import month_of
from shared.refusals import Code
from shared.tiers import Tier

AGAIN_SECONDS = 10
"""How often the sessions of an account that is over its quota are ended again, as long as it has usage."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the queue."""

    id: str
    report: UsageReport


@dataclass(frozen=True, slots=True)
class _Life:
    node: str
    boot: str


class Metering:
    """Merges usage reports."""

    def __init__(
        self,
        ledger: UsageLedger,
        registry: Registry,
        directory: Directory,
        nodes: Nodes,
        clock: Callable[[], float],
        log: Log,
        tell: Callable[[Crossing], None],
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._directory = directory
        self._nodes = nodes
        self._clock = clock
        self._log = log
        self._tell = tell

    def merge(self, records: Iterable[Record]) -> frozenset[str]:
        """Merge *records*; the ids of those that must come again."""
        largest, sources = _largest(records)
        reporting: dict[tuple[str, str], set[_Life]] = {}
        for total in largest.values():
            reporting.setdefault((total.account, total.month), set()).add(_Life(total.node, total.boot))
        failed: set[str] = set()
        for (account, month), lives in reporting.items():
            totals = [total for total in largest.values() if (total.account, total.month) == (account, month)]
            try:
                for total in totals:
                    self._ledger.merge(total)
                self._enforce(account, month, lives)
            except StoreUnavailableError:
                self._log.problem("usage not merged", account=account, month=month)
                failed |= sources[(account, month)]
        return frozenset(failed)

    def _enforce(self, account: str, month: str, lives: set[_Life]) -> None:
        """Block *account* if its quota of the present month is used up, and tell of the marks that it passed."""
        if month != month_of(self._clock()):
            return
        used = self._ledger.used(account, month)
        found = self._registry.account(account)
        if found is None:
            return
        quota = found.limits.bytes
        if used >= quota:
            self._block(found, Usage(month, used, quota), lives)
        marks = crossings(account, month, used, quota, found.told)
        for mark in marks:
            # Told first and remembered then: a crash in between tells twice, never not at all.
            self._tell(mark)
        if marks:
            self._ledger.remember_told(account, Told(month, quota, marks[-1].percent))

    def _block(self, found: Account, usage: Usage, lives: set[_Life]) -> None:
        """Let *found* neither publish nor be watched for the rest of the month, and end what runs."""
        account, month = found.id, usage.month
        if found.blocked is None or found.blocked.month != month:
            # Viewers first: a crash before the account is blocked makes the record come again and everything be redone.
            for stream in self._watchable(found):
                self._ledger.mark_stream(stream, usage)
        blocked = self._ledger.block(account, month, usage.used)
        if blocked is not None:
            self._log.event("quota used up", account=account, month=month, used=usage.used, quota=usage.quota)
        self._end_sessions(blocked or found, month, lives)

    def _watchable(self, account: Account) -> Iterable[str]:
        """The streams that may have viewers. Of visitors' many keys those that publish: the others have none, and get none."""
        if account.tier is Tier.ANONYMOUS:
            return account.slots
        return (key.stream for key in self._registry.keys(account.id))

    def _end_sessions(self, account: Account, month: str, lives: set[_Life]) -> None:
        """Tell every node that may hold a session of *account*: those of its slots, and those that report its bytes."""
        code = Code.QUOTA_EXCEEDED if account.tier is Tier.ANONYMOUS else Code.BANDWIDTH_EXCEEDED
        # A node obeys an id once. A new one every few seconds also ends who slipped in with a grant from before the block,
        # and who passes a raised quota on the same boot.
        turn = int(self._clock() // AGAIN_SECONDS)
        order = Order(f"quota-{account.id}-{month}-{turn}", code.value, account=account.id)
        fleet = self._directory.fleet()
        for slot in account.slots.values():
            node = fleet.of_boot(slot.boot)
            if node is not None:
                lives.add(_Life(node.id, node.boot))
        for life in sorted(lives, key=lambda life: (life.node, life.boot)):
            self._nodes.order(life.node, life.boot, order)


def _largest(
    records: Iterable[Record],
) -> tuple[Mapping[tuple[str, str, str, str], Total], Mapping[tuple[str, str], frozenset[str]]]:
    """The largest total of each shard in the batch, and which records speak of an account's month."""
    largest: dict[tuple[str, str, str, str], Total] = {}
    sources: dict[tuple[str, str], frozenset[str]] = {}
    for record in records:
        report = record.report
        for entry in report.entries:
            shard = (entry.account, entry.month, report.node, report.boot)
            total = Total(
                *shard, entry.received, entry.sent, _fitting(entry, entry.days), _fitting(entry, entry.streams)
            )
            seen = largest.get(shard)
            if seen is None or seen.received + seen.sent < total.received + total.sent:
                largest[shard] = total
            of_account = (entry.account, entry.month)
            sources[of_account] = sources.get(of_account, frozenset()) | {record.id}
    return largest, sources


def _fitting(entry: UsageEntry, parts: Parts) -> Parts:
    """*parts*, unless they are more than the whole: the bytes count all the same, and stay unattributed."""
    received, sent = (sum(part[way] for part in parts.values()) for way in (0, 1))
    return parts if received <= entry.received and sent <= entry.sent else {}
