"""What operators do: accounts and their limits, keys, nodes, sessions, usage. One method an operation.

Nothing here is on the path of a publish. A raised limit acts at once: the next publish's condition sees it, and a block
that it makes groundless is lifted in the same request.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from functions.accounts import Account, Key
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
from functions.fleet import Fleet, NodeReport, Order
from functions.provision import create_account, create_key
from functions.storage.directory import Directory
from functions.storage.nodes import Nodes
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.shapes import overrides_item
from functions.storage.usage import UsageLedger
from shared.keys import RandomBytes, is_stream_id
from shared.months import month_of
from shared.refusals import Refused, invalid_request, not_found

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Operator:
    """The operator's operations."""

    def __init__(
        self,
        registry: Registry,
        ledger: UsageLedger,
        directory: Directory,
        nodes: Nodes,
        refusals: RefusalLog,
        clock: Callable[[], float],
        random: RandomBytes,
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._directory = directory
        self._nodes = nodes
        self._refusals = refusals
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

    def accounts(self) -> AccountList:
        """All accounts that have an owner."""
        fleet, now = self._directory.fleet(), self._clock()
        found = filter(None, (self._registry.account(account) for account in self._registry.accounts()))
        return AccountList(
            accounts=[
                self._view(account, self._ledger.used(account.id, month_of(now)), fleet, now) for account in found
            ]
        )

    def change_account(self, account: str, change: AccountChange) -> AccountView | Refused:
        """Another tier, other overrides; streams and block follow."""
        found = self._found(account)
        if found is None:
            return _no_account()
        overrides = found.overrides if change.overrides is None else change.overrides.overrides()
        changed = self._registry.set_limits(found, change.tier or found.tier, overrides)
        if changed is None:
            return _no_account()
        now = self._clock()
        used = self._ledger.used(account, month_of(now))
        room = used < changed.limits.bytes
        if room:
            self._ledger.unblock(account, used)
            changed = replace(changed, blocked=None)
        for key in self._registry.keys(account):
            self._registry.set_stream_limits(key.stream, changed)
            if room:
                self._ledger.mark_stream(key.stream, None)
        return self._view(changed, used, self._directory.fleet(), now)

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
        return KeyList(keys=[_key_view(key) for key in self._registry.keys(account)])

    def revoke_key(self, account: str, stream: str) -> Done | Refused:
        """End a key's validity now, and its session by the next heartbeat."""
        key = self._registry.key(account, stream) if _is_name(account) and is_stream_id(stream) else None
        if key is None:
            return not_found("The account has no key for this stream.")
        self._registry.revoke(key, self._clock())
        self._end(stream, "revoked")
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
        report = self._nodes.set_drained(node, drained=drained) if _is_name(node) else None
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
                    order = Order(f"admin-{session}", "admin", session=session)
                    self._nodes.order(report.node.id, report.node.boot, order)
                    return Done(done="ending")
        return not_found("No node holds this session.")

    def _found(self, account: str) -> Account | None:
        return self._registry.account(account) if _is_name(account) else None

    def _end(self, stream: str, reason: str) -> None:
        for report in self._reports().values():
            if stream in report.streams:
                self._nodes.order(report.node.id, report.node.boot, Order(f"{reason}-{stream}", reason, stream=stream))

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


def _is_name(text: str) -> bool:
    """Whether *text* can name anything; what cannot is not looked up, and a store would refuse to."""
    return _NAME.fullmatch(text) is not None


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
