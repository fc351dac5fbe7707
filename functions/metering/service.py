"""Usage reports become exact totals, and a full quota becomes a block with its sessions ended.

In three rounds, so that no account's work holds up another's in the same batch: the totals of all are merged, then every
account is judged and blocked where it must be (three calls each), and only then is ended and marked what runs, of those
with the fewest streams first. Nothing walks what an account ever had: only what is live is touched.

Every step can be repeated: totals only grow, a block is for one month, a command has one id for some seconds. A record fails alone,
also where time runs out: SQS brings it again, what was merged is passed over then, and after some times it waits in the
dead-letter queue, from where a redrive loses nothing either.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from functions.domain.accounts import Account
from functions.domain.fleet import PendingCommand
from functions.domain.quota import Crossing, ToldMark, crossings
from functions.domain.stores import StoreUnavailableError
from functions.domain.usage import Parts, UsageTotal
from functions.edge.observability import Log
from functions.storage.directory import Directory
from functions.storage.nodes import Nodes
from functions.storage.patience import Left, unhurried
from functions.storage.registry import Registry
from functions.storage.streams import Streams
from functions.storage.usage import UsageLedger
from shared.end_reasons import EndReason
from shared.messages import UsageEntry, UsageReport
from shared.months import month_of
from shared.tiers import Tier

AGAIN_SECONDS = 10
"""How often the sessions of an account that is over its quota are ended again, as long as it has usage."""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """A usage report as it came from the queue."""

    id: str
    """The id of the message, by which the queue is told that it must come again."""
    report: UsageReport
    again: bool = False
    """Whether it was here before: some of it may be merged."""


@dataclass(frozen=True, slots=True)
class _NodeLife:
    """One life of a node, which may hold sessions that have to end."""

    node: str
    boot: str


AccountMonth = tuple[str, str]
"""An account and a month."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What is to be done about an account once it was judged."""

    account: Account
    over: bool
    """Whether the quota of the present month is used up, so that sessions end."""
    marks: tuple[Crossing, ...]
    """The marks of the quota that were passed, in order."""


class _Round:
    """Does something for each account of a batch; those that it fails for fail alone."""

    def __init__(self, sources: Mapping[AccountMonth, frozenset[str]], left: Left, log: Log) -> None:
        self._sources = sources
        self._left = left
        self._log = log
        self.failed: set[str] = set()
        self.bugs: list[Exception] = []

    def each(self, shards: Iterable[AccountMonth], act: Callable[[AccountMonth], object]) -> Iterator[AccountMonth]:
        """Those of *shards* for which *act* was done, each as soon as it was."""
        for shard in shards:
            account, month = shard
            if self._left() <= 0:
                self._log.event("no time left", account=account, month=month)
                self.failed |= self._sources[shard]
                continue
            try:
                act(shard)
            except StoreUnavailableError:
                self._log.problem("usage not merged", account=account, month=month)
                self.failed |= self._sources[shard]
            except Exception as bug:  # noqa: BLE001 - raised again once the others were served (`Metering.merge`)
                self._log.problem("usage not merged", account=account, month=month)
                self.bugs.append(bug)
            else:
                yield shard


@dataclass(frozen=True, slots=True)
class MeteringStores:
    """What is read and written for a batch of usage reports."""

    ledger: UsageLedger
    registry: Registry
    directory: Directory
    nodes: Nodes
    streams: Streams


class Metering:
    """Merges usage reports into totals, and ends what runs of accounts whose quota is used up.

    *tell* is told of each mark of a quota that was passed; *left* says how many seconds there are for the batch.
    """

    def __init__(
        self,
        stores: MeteringStores,
        clock: Callable[[], float],
        log: Log,
        tell: Callable[[Crossing], None],
        left: Left = unhurried,
    ) -> None:
        self._ledger = stores.ledger
        self._registry = stores.registry
        self._directory = stores.directory
        self._nodes = stores.nodes
        self._streams = stores.streams
        self._clock = clock
        self._log = log
        self._tell = tell
        self._left = left

    def merge(self, records: Iterable[UsageRecord]) -> frozenset[str]:
        """Merge the reports of *records*; the ids of those that failed and must come again."""
        records = tuple(records)
        largest, sources = _largest(records)
        round_ = _Round(sources, self._left, self._log)
        totals: dict[AccountMonth, list[UsageTotal]] = {}
        for total in largest.values():
            totals.setdefault((total.account, total.month), []).append(total)
        lives = {shard: {_NodeLife(total.node, total.boot) for total in some} for shard, some in totals.items()}
        try:
            self._pass_over(totals, again=any(record.again for record in records))
        except StoreUnavailableError:
            self._log.problem("usage not merged")
            return frozenset(record.id for record in records)
        merged = list(round_.each(totals, lambda shard: self._merge(totals[shard])))
        found: dict[AccountMonth, _Judgement | None] = {}
        present = month_of(self._clock())

        def judge(shard: AccountMonth) -> None:
            found[shard] = self._judged(*shard)

        judged = list(round_.each((shard for shard in merged if shard[1] == present), judge))
        due = {shard: what for shard in judged if (what := found[shard]) is not None}
        acting = sorted(due, key=lambda shard: len(due[shard].account.slots))
        list(round_.each(acting, lambda shard: self._enforce(due[shard], lives[shard])))
        if round_.bugs:
            raise round_.bugs[0]
        return frozenset(round_.failed)

    def _merge(self, totals: Iterable[UsageTotal]) -> None:
        for total in totals:
            self._ledger.merge(total)

    def _pass_over(self, totals: dict[AccountMonth, list[UsageTotal]], *, again: bool) -> None:
        """Take from *totals*, of a batch that comes *again*, what was merged then: so each attempt goes on where one ended."""
        known = self._ledger.known(total for some in totals.values() for total in some) if again else []
        for total in known:
            totals[(total.account, total.month)].remove(total)

    def _judged(self, account: str, month: str) -> _Judgement | None:
        """Block *account* if its quota of the present month is used up; what is left to be done about it."""
        used = self._ledger.used(account, month)
        found = self._registry.account(account)
        if found is None:
            return None
        quota = found.limits.bytes
        over = used >= quota
        if over:
            blocked = self._ledger.block(account, month, used)
            if blocked is not None:
                self._log.event("quota used up", account=account, month=month, used=used, quota=quota)
            else:
                # Blocked before; or its quota was raised a moment ago, and then nothing is to be ended.
                blocked = self._registry.account(account)
            found = blocked or found
            over = found.blocked is not None and found.blocked.month == month
        marks = crossings(account, month, used, quota, found.told)
        return _Judgement(found, over, marks) if over or marks else None

    def _enforce(self, due: _Judgement, lives: set[_NodeLife]) -> None:
        """End what runs of an account that is over its quota, and tell of the marks that it passed."""
        if due.over:
            self._end_sessions(due.account, lives)
            # Of the streams only those that may have viewers. The others have none, and get none: a session begins first.
            for stream in due.account.slots:
                self._streams.carry(stream, due.account)
        for mark in due.marks:
            # Told first and remembered then: a crash in between tells twice, never not at all.
            self._tell(mark)
        if due.marks:
            last = due.marks[-1]
            self._ledger.remember_told(last.account, ToldMark(last.month, last.quota, last.percent))

    def _end_sessions(self, account: Account, lives: set[_NodeLife]) -> None:
        """Tell every node that may hold a session of *account*: those of its slots, and those that report its bytes."""
        reason = EndReason.QUOTA_EXCEEDED if account.tier is Tier.ANONYMOUS else EndReason.BANDWIDTH_EXCEEDED
        now = self._clock()
        # A node obeys an id once. A new one every few seconds also ends who slipped in with a grant from before the block,
        # and who passes a raised quota on the same boot.
        turn = int(now // AGAIN_SECONDS)
        command = PendingCommand(f"quota-{account.id}-{month_of(now)}-{turn}", reason, account=account.id)
        fleet = self._directory.fleet()
        for slot in account.slots.values():
            node = fleet.of_boot(slot.boot)
            if node is not None:
                lives.add(_NodeLife(node.id, node.boot))
        for life in sorted(lives, key=lambda life: (life.node, life.boot)):
            self._nodes.leave_command(life.node, life.boot, command)


def _largest(
    records: Iterable[UsageRecord],
) -> tuple[Mapping[tuple[str, str, str, str], UsageTotal], Mapping[tuple[str, str], frozenset[str]]]:
    """The largest total of each shard in the batch, and which records speak of an account's month."""
    largest: dict[tuple[str, str, str, str], UsageTotal] = {}
    sources: dict[tuple[str, str], frozenset[str]] = {}
    for record in records:
        report = record.report
        for entry in report.entries:
            shard = (entry.account, entry.month, report.node, report.boot)
            total = UsageTotal(
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
