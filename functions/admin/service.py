"""What operators do: accounts and their limits, keys, nodes, sessions, usage. One method an operation.

Nothing here is on the path of a publish. A raised limit acts at once: the next publish's condition sees it, and a block
that it makes groundless is lifted in the same request.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from functions.admin.closing import Closing
from functions.admin.models import (
    AccountChange,
    AccountCreated,
    AccountList,
    AccountView,
    Done,
    KeyList,
    KeyView,
    NewAccountRequest,
    NewKeyRequest,
    NodeList,
    NodeView,
    OperatorKeyCreated,
    RefusalList,
    RefusalView,
    SessionList,
    SessionView,
    ShardView,
    SlotView,
    UsageView,
)
from functions.domain.accounts import Account, Key
from functions.domain.fleet import Fleet, NodeReport, PendingCommand
from functions.domain.provision import create_account, create_key
from functions.storage.directory import Directory
from functions.storage.items.account import overrides_item
from functions.storage.nodes import Nodes
from functions.storage.patience import Left
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.streams import Streams
from functions.storage.usage import UsageLedger
from shared.end_reasons import EndReason
from shared.keys import RandomBytes, is_stream_id
from shared.months import month_of
from shared.names import is_name
from shared.refusals import Refused, invalid_request, not_found

_ACCOUNT = re.compile(r"[a-z0-9-]{1,40}")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

ACCOUNTS = 100
"""Of one page."""
KEYS = 1000
"""Of an account, and of those that are over as many: a page of the store."""
CARRIED = 5000
"""Keys of an account that are looked at when it changes; only a visitor's address can have more."""


@dataclass(frozen=True, slots=True)
class OperatorStores:
    """What is read and written for operators."""

    registry: Registry
    ledger: UsageLedger
    directory: Directory
    nodes: Nodes
    streams: Streams
    refusals: RefusalLog


class Operator:
    """The operator's operations."""

    def __init__(
        self,
        stores: OperatorStores,
        closing: Closing,
        clock: Callable[[], float],
        random: RandomBytes,
        left: Left,
    ) -> None:
        self._streams = stores.streams
        self._closing = closing
        self._left = left
        self._registry = stores.registry
        self._ledger = stores.ledger
        self._directory = stores.directory
        self._nodes = stores.nodes
        self._refusals = stores.refusals
        self._clock = clock
        self._random = random

    # Accounts

    def create_account(self, asked: NewAccountRequest) -> AccountCreated | Refused:
        """A new account and its token."""
        now = self._clock()
        made = create_account(
            self._registry,
            asked.account,
            asked.tier,
            random=self._random,
            now=now,
            overrides=asked.overrides.overrides(),
        )
        if made is None:
            return invalid_request("There is an account with this id already.", "account", status=409)
        view = self._view(made.account, 0, Fleet(), now)
        return AccountCreated(**view.model_dump(), token=made.token.reveal())

    def account(self, account: str) -> AccountView | Refused:
        """One account."""
        found = self._found(account)
        if found is None:
            return _no_account()
        now = self._clock()
        return self._view(found, self._ledger.used(account, month_of(now)), self._directory.fleet(), now)

    def accounts(self, after: str | None) -> AccountList | Refused:
        """The accounts that have an owner, a page of them; *after* is the id that the page before ended with."""
        if after is not None and _ACCOUNT.fullmatch(after) is None:
            return invalid_request('"after" must be the id of an account.', "after")
        fleet, now = self._directory.fleet(), self._clock()
        ids = self._registry.accounts(after or "", ACCOUNTS)
        found = filter(None, map(self._registry.account, ids))
        return AccountList(
            accounts=[
                self._view(account, self._ledger.used(account.id, month_of(now)), fleet, now) for account in found
            ],
            next=ids[-1] if len(ids) == ACCOUNTS else None,
        )

    def change_account(self, account: str, change: AccountChange) -> AccountView | Refused:
        """Another tier, other overrides, closed or open; streams, block and what runs follow."""
        found = self._found(account)
        if found is None:
            return _no_account()
        changed: Account | None = found
        if change.suspended is not None and change.suspended != found.suspended:
            changed = self._registry.set_suspended(account, suspended=change.suspended)
        if changed is not None and (change.tier is not None or change.overrides is not None):
            overrides = found.overrides if change.overrides is None else change.overrides.overrides()
            changed = self._registry.set_limits(found, change.tier or found.tier, overrides)
        if changed is None:
            return _no_account()
        now = self._clock()
        used = self._ledger.used(account, month_of(now))
        if used < changed.limits.bytes:
            changed = self._ledger.unblock(account, used) or replace(changed, blocked=None)
        if changed.suspended:
            self._closing.end_all(changed)
        else:
            self._closing.end_surplus(changed, now)
        self._carry(changed, now)
        return self._view(changed, used, self._directory.fleet(), now)

    def delete_account(self, account: str) -> Done | Refused:
        """Remove an account and all that is its own but its bytes; what runs ends, and nothing of it publishes from now on."""
        if not is_name(account):
            return _no_account()
        found = self._registry.set_suspended(account, suspended=True)
        if found is None:
            return _no_account()
        self._closing.end_all(found)
        return Done(done="deleted" if self._registry.delete_account(found, self._left) else "deleting")

    def _carry(self, changed: Account, now: float) -> None:
        """Bring the account's streams up to date: those that are live, and then the others while there is time.

        What is left then is brought up to date by the session that makes it live (`functions.storage.streams`).
        """
        for stream in changed.slots:
            self._streams.carry(stream, changed)
        for key in islice(self._registry.keys(changed.id), CARRIED):
            if self._left() <= 0:
                return
            if key.valid(now) and key.stream not in changed.slots:
                self._streams.carry(key.stream, changed)

    def usage(self, account: str, month: str | None) -> UsageView | Refused:
        """A month's bytes, node by node."""
        found = self._found(account)
        if found is None:
            return _no_account()
        month = month_of(self._clock()) if month is None else month
        if not _MONTH.fullmatch(month):
            return invalid_request('"month" must be a month such as 2026-11.', "month")
        shards = self._ledger.shards(account, month)
        return UsageView(
            account=account,
            month=month,
            used_bytes=sum(shard.received + shard.sent for shard in shards),
            quota_bytes=found.limits.bytes,
            shards=[
                ShardView(node=shard.node, boot=shard.boot, received=shard.received, sent=shard.sent)
                for shard in shards
            ],
        )

    # Keys

    def create_key(self, account: str, asked: NewKeyRequest) -> OperatorKeyCreated | Refused:
        """A new stream key with its stream."""
        found = self._found(account)
        if found is None:
            return _no_account()
        made = create_key(self._registry, found, random=self._random, now=self._clock(), label=asked.label)
        return OperatorKeyCreated(stream_key=made.stream_key.reveal(), stream=made.stream)

    def keys(self, account: str) -> KeyList | Refused:
        """The account's keys."""
        if self._found(account) is None:
            return _no_account()
        keys = [*islice(self._registry.keys(account), KEYS), *self._registry.past(account, KEYS)]
        return KeyList(keys=[_key_view(key) for key in sorted(keys, key=lambda key: key.stream)])

    def revoke_key(self, account: str, stream: str) -> Done | Refused:
        """End a key's validity now, and its session by the next heartbeat."""
        key = self._registry.key(account, stream) if is_name(account) and is_stream_id(stream) else None
        if key is None:
            return not_found("The account has no key for this stream.")
        now = self._clock()
        self._registry.revoke(key, now)
        self._registry.bury([replace(key, revoked_at=now)])
        self._end(stream, EndReason.REVOKED)
        return Done(done="revoked")

    def refusals(self, account: str) -> RefusalList | Refused:
        """Why the account's encoders were turned away; they throw the body of a refusal away."""
        if self._found(account) is None:
            return _no_account()
        return RefusalList(
            refusals=[
                RefusalView(
                    at=noted.at,
                    stream=noted.stream,
                    code=noted.code,
                    protocol=noted.protocol,
                    address=noted.address,
                )
                for noted in self._refusals.of(account, self._clock())
            ]
        )

    # Nodes and sessions

    def nodes(self) -> NodeList:
        """All nodes in summary."""
        now = self._clock()
        return NodeList(
            nodes=[
                NodeView(
                    node=node.id, boot=node.boot, url=node.url, region=node.region, state=node.state.value,
                    drained=node.drained, leased=node.leased(now), age_seconds=round(now - node.at, 1),
                    publishers=node.load.publishers, viewers=node.load.viewers, max_sessions=node.load.max_sessions,
                    egress_kbps=node.load.egress_kbps, max_egress_kbps=node.load.max_egress_kbps,
                )
                for node in sorted(self._directory.fleet().nodes, key=lambda node: node.id)
            ]
        )  # fmt: skip

    def drain(self, node: str, *, drained: bool) -> Done | Refused:
        """Keep new sessions away from a node, or let them come again."""
        report = self._nodes.set_drained(node, drained=drained) if is_name(node) else None
        if report is None:
            return not_found("There is no such node.")
        self._nodes.project(report.node)
        return Done(done="drained" if drained else "undrained")

    def sessions(self) -> SessionList:
        """All running publish sessions."""
        return SessionList(
            sessions=[
                SessionView(
                    session=session.session, stream=stream, account=session.account, node=report.node.id,
                    epoch=session.epoch, viewers=session.viewers, since=session.since, silent_ms=session.silent_ms,
                    kbps=session.kbps,
                )
                for report in self._reports().values()
                for stream, session in sorted(report.streams.items())
            ]
        )  # fmt: skip

    def end_session(self, session: str) -> Done | Refused:
        """End one publish session by its node's next heartbeat."""
        for report in self._reports().values():
            for running in report.streams.values():
                if running.session == session:
                    command = PendingCommand(f"admin-{session}", EndReason.ADMIN, session=session)
                    self._nodes.leave_command(report.node.id, report.node.boot, command)
                    return Done(done="ending")
        return not_found("No node holds this session.")

    def _found(self, account: str) -> Account | None:
        return self._registry.account(account) if is_name(account) else None

    def _end(self, stream: str, reason: str) -> None:
        for report in self._reports().values():
            if stream in report.streams:
                self._nodes.leave_command(
                    report.node.id, report.node.boot, PendingCommand(f"{reason}-{stream}", reason, stream=stream)
                )

    def _reports(self) -> Mapping[str, NodeReport]:
        now = self._clock()
        leased = [node.id for node in self._directory.fleet().nodes if node.leased(now)]
        return self._directory.reports(leased) if leased else {}

    def _view(self, account: Account, used: int, fleet: Fleet, now: float) -> AccountView:
        limits = account.limits
        return AccountView(
            account=account.id,
            tier=account.tier.value,
            overrides={
                name: sorted(value) if isinstance(value, frozenset) else value
                for name, value in overrides_item(account.overrides).items()
            },
            streams=limits.streams,
            bytes=limits.bytes,
            viewers=limits.viewers,
            kbps=limits.kbps,
            protocols=sorted(limits.protocols),
            month=month_of(now),
            used_bytes=used,
            blocked=account.over_quota(now) is not None,
            suspended=account.suspended,
            slots=[
                SlotView(
                    stream=stream,
                    session=slot.session,
                    node=node.id if (node := fleet.of_boot(slot.boot)) is not None else None,
                    granted_at=slot.granted_at,
                    used=slot.used_at is not None,
                )
                for stream, slot in sorted(account.slots.items())
            ],
        )


def _key_view(key: Key) -> KeyView:
    return KeyView(
        stream=key.stream,
        label=key.label,
        created=key.created,
        revoked_at=key.revoked_at,
        expires_at=key.expires_at,
    )


def _no_account() -> Refused:
    return not_found("There is no such account.")
