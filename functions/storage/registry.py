"""Accounts, their stream keys, tokens and streams: made, listed, changed, revoked. Not on the path of a publish.

Secrets come in as digests. Making a key writes three items one after the other (what the owner lists, the stream, the
key); a key that is not written is no key, so a crash in between leaves nothing that publishes.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from functions.accounts import Account, Key, Stream
from functions.storage.dynamo import Dynamo, Unmet, Update, Written
from functions.storage.shapes import (
    DIRECTORY,
    SALT_KEY,
    account_item,
    account_key,
    account_of,
    key_item,
    key_key,
    key_of,
    limits_item,
    overrides_item,
    owned_item,
    owned_key,
    retiring_item,
    stream_item,
    stream_key,
    stream_limits_item,
    stream_of,
    token_key,
)
from shared.tiers import Overrides, Tier

if TYPE_CHECKING:
    from functions.storage.attributes import Item


class Registry:
    """Who exists."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    # Accounts

    def create_account(self, account: Account, token_digest: str) -> bool:
        """Write a new account, its token and its entry in the operator's list; False where the id is taken."""
        if not self._dynamo.put_new(self._table, account_item(account)):
            return False
        self._dynamo.put_all(
            self._table,
            [
                {"pk": DIRECTORY, "sk": account.id, "created": account.created},
                {**token_key(token_digest), "account": account.id},
            ],
        )
        return True

    def salt(self, fresh: str) -> str:
        """The salt of this table's anonymous accounts: *fresh*, if it has none yet."""
        update = Update(
            self._table,
            SALT_KEY,
            "SET salt = if_not_exists(salt, :fresh)",
            values={":fresh": fresh},
            returning="ALL_NEW",
        )
        written = self._dynamo.update(update)
        assert isinstance(written, Written)  # noqa: S101 - there is no condition that could fail
        return str(written.item["salt"])

    def keep_anonymous(self, account: Account, forget_at: int) -> Account:
        """Make *account*, which has no owner, or let it live on until *forget_at*; the account as it is."""
        where = account_key(account.id)
        made = {name: value for name, value in account_item(account).items() if name not in where}
        sets = [f"#{name} = if_not_exists(#{name}, :{name})" for name in made]
        written = self._dynamo.update(
            Update(
                self._table,
                where,
                f"SET {', '.join(sets)}, #ttl = :ttl",
                names={f"#{name}": name for name in (*made, "ttl")},
                values={**{f":{name}": value for name, value in made.items()}, ":ttl": forget_at},
                returning="ALL_NEW",
            )
        )
        assert isinstance(written, Written)  # noqa: S101 - there is no condition that could fail
        return account_of(written.item)

    def create_anonymous_key(self, key: Key, stream: Stream, forget_at: int) -> None:
        """Write a visitor's key and its stream; the table drops them some time after *forget_at*."""
        items: list[Item] = [owned_item(key), stream_item(stream), key_item(key)]
        self._dynamo.put_all(self._table, [{**item, "ttl": forget_at} for item in items])

    def account(self, account: str) -> Account | None:
        """The account with this id."""
        item = self._dynamo.get(self._table, account_key(account))
        return account_of(item) if item else None

    def accounts(self) -> Iterator[str]:
        """The ids of all accounts that have an owner, in order."""
        return (item["sk"] for item in self._dynamo.query(self._table, DIRECTORY))

    def account_of_token(self, digest: str) -> str | None:
        """The account that an account token opens, by the token's digest."""
        item = self._dynamo.get(self._table, token_key(digest))
        return item["account"] if item else None

    def replace_token(self, account: str, digest: str) -> None:
        """Add a token that opens *account*."""
        self._dynamo.put_all(self._table, [{**token_key(digest), "account": account}])

    def set_limits(self, account: Account, tier: Tier, overrides: Overrides) -> Account | None:
        """Give *account* another tier and other overrides; None where it does not exist."""
        changed = Account(account.id, tier, overrides)
        outcome = self._dynamo.update(
            Update(
                self._table,
                account_key(account.id),
                "SET tier = :tier, overrides = :overrides, lim = :lim, quota = :quota, protos = :protos",
                "attribute_exists(pk)",
                values={
                    ":tier": tier.value,
                    ":overrides": overrides_item(overrides),
                    **{f":{name}": value for name, value in limits_item(changed).items()},
                },
                returning="ALL_NEW",
            )
        )
        return None if isinstance(outcome, Unmet) else account_of(outcome.item)

    # Keys and streams

    def create_key(self, key: Key, stream: Stream) -> None:
        """Write a new key and its stream."""
        self._dynamo.put_all(self._table, [owned_item(key), stream_item(stream), key_item(key)])

    def keys(self, account: str) -> Iterator[Key]:
        """The keys of *account*, revoked ones too, in order of their streams."""
        return (key_of(item) for item in self._dynamo.query(self._table, f"ACCOUNT#{account}", prefix="KEY#"))

    def key(self, account: str, stream: str) -> Key | None:
        """The key of *account* that publishes *stream*."""
        item = self._dynamo.get(self._table, owned_key(account, stream))
        return key_of(item) if item else None

    def key_of_secret(self, digest: str) -> Key | None:
        """The key with this digest, whoever has it."""
        item = self._dynamo.get(self._table, key_key(digest))
        return key_of(item) if item else None

    def rotate(self, key: Key, rotated: Key) -> bool:
        """Give the stream of *key* the secret of *rotated*; False where the key changed meanwhile.

        The owner's entry first, which knows every secret that must be revoked some day. A crash in between leaves the
        old secret as it was and nobody with a new one, and the next rotation or revocation finishes what this one began.
        """
        outcome = self._dynamo.update(
            Update(
                self._table,
                owned_key(key.account, key.stream),
                "SET digest = :digest, hint = :hint, retiring = :retiring",
                "digest = :seen AND attribute_not_exists(revoked)",
                values={
                    ":digest": rotated.digest,
                    ":hint": rotated.hint,
                    ":retiring": retiring_item(rotated),
                    ":seen": key.digest,
                },
            )
        )
        if isinstance(outcome, Unmet):
            return False
        self._dynamo.put_new(self._table, key_item(rotated))
        for old in rotated.retiring:
            self._set_revoked(key_key(old.digest), old.until)
        return True

    def revoke(self, key: Key, at: float) -> None:
        """From *at* on *key* is as good as unknown. The secrets first, then the owner's view of them."""
        self._set_revoked(key_key(key.digest), at)
        for old in key.retiring:
            self._set_revoked(key_key(old.digest), min(at, old.until))
        self._set_revoked(owned_key(key.account, key.stream), at)

    def _set_revoked(self, where: dict[str, str], at: float) -> None:
        self._dynamo.update(Update(self._table, where, "SET revoked = :at", "attribute_exists(pk)", values={":at": at}))

    def stream(self, stream: str, *, consistent: bool = True) -> Stream | None:
        """The stream with this id."""
        item = self._dynamo.get(self._table, stream_key(stream), consistent=consistent)
        return stream_of(item) if item else None

    def streams(self, ids: list[str]) -> dict[str, Stream]:
        """The streams that exist among *ids*."""
        found: list[Item] = []
        for start in range(0, len(ids), 100):
            keys = [stream_key(stream) for stream in ids[start : start + 100]]
            found += self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        return {stream.id: stream for stream in map(stream_of, found)}

    def set_stream_limits(self, stream: str, account: Account) -> None:
        """Give *stream* what it carries of its account's limits."""
        limits = account.limits
        carried = stream_limits_item(
            Stream(stream, account.id, account.tier, limits.viewers, limits.kbps, limits.protocols)
        )
        self._dynamo.update(
            Update(
                self._table,
                stream_key(stream),
                "SET tier = :tier, viewers = :viewers, kbps = :kbps, protos = :protos",
                "attribute_exists(pk)",
                values={f":{name}": value for name, value in carried.items()},
            )
        )
