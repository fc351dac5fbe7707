"""What operators do to accounts: their limits, keys and usage. One method an operation.

Nothing here is on the path of a publish. A raised limit acts at once: the next publish's condition sees it, and a block
that it makes groundless is lifted in the same request.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from functions.admin.fleet import FleetOperations
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
    OperatorKeyCreated,
    RefusalList,
    RefusalView,
    ShardView,
    SlotView,
    UsageView,
)
from functions.admin.sessions import AccountSessions
from functions.domain.accounts import Account, Key
from functions.domain.fleet import Fleet
from functions.domain.provision import create_account, create_key
from functions.storage.directory import Directory
from functions.storage.items.account import overrides_item
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
"""Accounts on one page of the list."""
KEYS = 1000
"""Keys of an account that are listed, and as many of those that are over: a page of the store."""
CARRIED = 5000
"""Keys of an account that are looked at when it changes; only a visitor's address can have more."""


@dataclass(frozen=True, slots=True)
class AccountStores:
    """What is read and written where operators look at accounts or change them."""

    registry: Registry
    ledger: UsageLedger
    directory: Directory
    streams: Streams
    refusals: RefusalLog


class AccountOperations:
    """What operators can do to accounts. *left*: the seconds that are left for work that may be done later as well."""

    def __init__(
        self,
        stores: AccountStores,
        sessions: AccountSessions,
        fleet: FleetOperations,
        clock: Callable[[], float],
        random: RandomBytes,
        left: Left,
    ) -> None:
        self._streams = stores.streams
        self._sessions = sessions
        self._fleet = fleet
        self._left = left
        self._registry = stores.registry
        self._ledger = stores.ledger
        self._directory = stores.directory
        self._refusals = stores.refusals
        self._clock = clock
        self._random = random

    def create_account(self, wish: NewAccountRequest) -> AccountCreated | Refused:
        """Make an account and its token, which is in this answer only."""
        now = self._clock()
        made = create_account(
            self._registry,
            wish.account,
            wish.tier,
            random=self._random,
            now=now,
            overrides=wish.overrides.overrides(),
        )
        if made is None:
            return invalid_request("There is an account with this id already.", "account", status=409)
        view = self._view(made.account, 0, Fleet(), now)
        return AccountCreated(**view.model_dump(), token=made.token.reveal())

    def account(self, account: str) -> AccountView | Refused:
        """An account with its limits, this month's bytes and its slots."""
        found = self._found(account)
        if found is None:
            return _no_account()
        now = self._clock()
        return self._view(found, self._ledger.used(account, month_of(now)), self._directory.fleet(), now)

    def accounts(self, after: str | None) -> AccountList | Refused:
        """A page of the accounts that have an owner; *after* is the id that the page before ended with."""
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
        """Give an account another tier or other overrides, suspend or resume it; streams, block and what runs follow."""
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
            self._sessions.end_all(changed)
        else:
            self._sessions.end_surplus(changed, now)
        self._carry(changed, now)
        return self._view(changed, used, self._directory.fleet(), now)

    def delete_account(self, account: str) -> Done | Refused:
        """Remove an account and all that is its own but its bytes; what runs ends, and nothing of it publishes from now on."""
        if not is_name(account):
            return _no_account()
        found = self._registry.set_suspended(account, suspended=True)
        if found is None:
            return _no_account()
        self._sessions.end_all(found)
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
        """A month's bytes of an account, by the lives of nodes that counted them."""
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

    def create_key(self, account: str, wish: NewKeyRequest) -> OperatorKeyCreated | Refused:
        """Make a stream key with a stream of its own."""
        found = self._found(account)
        if found is None:
            return _no_account()
        made = create_key(self._registry, found, random=self._random, now=self._clock(), label=wish.label)
        return OperatorKeyCreated(stream_key=made.stream_key.reveal(), stream=made.stream)

    def keys(self, account: str) -> KeyList | Refused:
        """The account's keys, revoked ones too, in order of their streams."""
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
        self._registry.archive([replace(key, revoked_at=now)])
        self._fleet.end_stream(stream, EndReason.REVOKED)
        return Done(done="revoked")

    def refusals(self, account: str) -> RefusalList | Refused:
        """Why the account's encoders were refused, for operators who are asked: encoders throw the body of a refusal away."""
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

    def _found(self, account: str) -> Account | None:
        return self._registry.account(account) if is_name(account) else None

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
