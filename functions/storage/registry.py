"""Accounts with their stream keys, tokens and streams: made, listed, changed, revoked. Not on the path of a publish.

Secrets come in as digests. A write whose answer got lost is made again and finds what it wrote itself. That is success, and
is known by the secret's digest, which no other write has. Making a key writes three items one after the other: the owner's
entry, the stream, and the key itself last. So a crash in between leaves nothing that publishes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from functions.domain.accounts import Account, Key, Stream, Token
from functions.storage.attributes import Item
from functions.storage.dynamo import MAX_BATCH_READ, Dynamo, Unmet, Update, Written
from functions.storage.items.account import (
    ACCOUNT_LIST,
    SALT_KEY,
    account_item,
    account_of,
    limits_item,
    locate_account,
    overrides_item,
    tokens_item,
)
from functions.storage.items.key import (
    key_item,
    key_of,
    locate_key,
    locate_owned_key,
    locate_past_key,
    owned_item,
    past_item,
    retiring_item,
)
from functions.storage.items.stream import locate_stream, stream_item, stream_of
from functions.storage.items.token import locate_own_token, locate_token
from functions.storage.patience import Left
from shared.tiers import Overrides, Tier

PAST_SECONDS = 40 * 86400
"""How long the table keeps what is over: a month of usage is shown with its labels."""
MAX_LABELS = 500
PAGE = 100


class Registry:
    """Reads and writes accounts, tokens, keys and streams."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    # Accounts

    def create_account(self, account: Account, token_digest: str) -> bool:
        """Write a new account, its token and its entry in the operator's list; False where the id is taken."""
        account = replace(account, tokens=(Token.of(token_digest),))
        if not self._dynamo.put_new(self._table, account_item(account)):
            return False
        self._dynamo.put_all(
            self._table,
            [
                {"pk": ACCOUNT_LIST, "sk": account.id, "created": account.created},
                locate_own_token(account.id, token_digest),
                {**locate_token(token_digest), "account": account.id},
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
        where = locate_account(account.id)
        item = account_item(account)
        made = {name: value for name, value in item.items() if name not in where and value is not None}
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
        """Write a key without an owner, and its stream; the table drops them some time after *forget_at*."""
        items: list[Item] = [owned_item(key), stream_item(stream), key_item(key)]
        self._dynamo.put_all(self._table, [{**item, "ttl": forget_at} for item in items])

    def account(self, account: str) -> Account | None:
        """The account with this id."""
        item = self._dynamo.get(self._table, locate_account(account))
        return account_of(item) if item else None

    def accounts(self, after: str, limit: int) -> list[str]:
        """The ids of the first *limit* accounts *after* one that have an owner, in order."""
        return [item["sk"] for item in self._dynamo.query(self._table, ACCOUNT_LIST, after=after, limit=limit)]

    def account_of_token(self, digest: str) -> str | None:
        """The account that an account token names, by the token's digest; the account says whether it still opens it."""
        item = self._dynamo.get(self._table, locate_token(digest))
        return item["account"] if item else None

    def replace_tokens(self, account: Account, token_digest: str, kept: Sequence[Token]) -> bool:
        """Let the token with this digest open *account*, and of those before it only *kept*; False where it was changed.

        The new token's item first, which opens nothing as long as the account does not list it.
        """
        own = locate_own_token(account.id, token_digest)
        self._dynamo.put_all(self._table, [own, {**locate_token(token_digest), "account": account.id}])
        listed = tokens_item((Token.of(token_digest), *kept))
        seen = tokens_item(account.tokens)["tk"]
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_account(account.id),
                "SET tk = :tk" + (", tr = :tr" if listed["tr"] else " REMOVE tr"),
                f"attribute_exists(pk) AND {'tk = :seen' if seen else 'attribute_not_exists(tk)'}",
                values={**{f":{name}": value for name, value in listed.items()}, ":seen": seen},
            )
        )
        if isinstance(outcome, Unmet) and not (outcome.item and outcome.item.get("tk") == listed["tk"]):
            self._remove_tokens(account.id, [token_digest])
            return False
        found = self._dynamo.query(self._table, own["pk"], prefix="TOKEN#", limit=PAGE)
        digests = [item["sk"].removeprefix("TOKEN#") for item in found]
        opening = {Token.of(token_digest).tag, *(token.tag for token in kept)}
        self._remove_tokens(account.id, [digest for digest in digests if Token.of(digest).tag not in opening])
        return True

    def _remove_tokens(self, account: str, digests: Iterable[str]) -> None:
        gone = [key for digest in digests for key in (locate_token(digest), locate_own_token(account, digest))]
        self._dynamo.write_all(self._table, (), gone)

    def set_suspended(self, account: str, *, suspended: bool) -> Account | None:
        """Close or open *account* to its keys and tokens; None where it does not exist."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_account(account),
                "SET suspended = :yes" if suspended else "REMOVE suspended",
                "attribute_exists(pk)",
                values={":yes": True} if suspended else {},
                returning="ALL_NEW",
            )
        )
        return None if isinstance(outcome, Unmet) else account_of(outcome.item)

    def delete_account(self, account: Account, left: Left) -> bool:
        """Remove *account* and all its items except the bytes; False where time ran out: the next call goes on from there.

        The account's own item goes last: until then its keys are known to be closed. Of each page the items elsewhere
        that it names are removed first, and its own items then, so that the next call finds what is left.
        """
        own = locate_account(account.id)
        while True:
            page = list(self._dynamo.query(self._table, own["pk"], limit=PAGE))
            rest = [item for item in page if item["sk"] != own["sk"]]
            if not rest:
                break
            if left() <= 0:
                return False
            elsewhere = [key for item in rest for key in _elsewhere(item)]
            self._dynamo.write_all(
                self._table, (), [*elsewhere, *({"pk": item["pk"], "sk": item["sk"]} for item in rest)]
            )
        self._dynamo.write_all(self._table, (), [{"pk": ACCOUNT_LIST, "sk": account.id}, own])
        return True

    def set_limits(self, account: Account, tier: Tier, overrides: Overrides) -> Account | None:
        """Give *account* another tier and other overrides; None where it does not exist."""
        changed = Account(account.id, tier, overrides)
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_account(account.id),
                "SET tier = :tier, overrides = :overrides, lim = :lim, quota = :quota, protos = :protos,"
                " lv = if_not_exists(lv, :none) + :one",
                "attribute_exists(pk)",
                values={
                    ":tier": tier.value,
                    ":overrides": overrides_item(overrides),
                    ":none": 0,
                    ":one": 1,
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
        """The keys of *account* that are not over, and some that are (`archive`), in order of their streams."""
        return (key_of(item) for item in self._dynamo.query(self._table, f"ACCOUNT#{account}", prefix="KEY#"))

    def past(self, account: str, limit: int) -> Iterator[Key]:
        """At most *limit* of the keys of *account* that were over not long ago."""
        return (
            key_of(item) for item in self._dynamo.query(self._table, f"ACCOUNT#{account}", prefix="PAST#", limit=limit)
        )

    def archive(self, keys: Sequence[Key]) -> None:
        """Move the entries of *keys*, which are over, out of the way of `keys`; they are dropped some weeks later."""
        self._dynamo.write_all(
            self._table,
            [past_item(key, _forgotten(key.revoked_at or key.expires_at or key.created)) for key in keys],
            [locate_owned_key(key.account, key.stream) for key in keys],
        )

    def labels(self, account: str, streams: Iterable[str]) -> dict[str, str]:
        """What the owner calls the keys of the first `MAX_LABELS` of *streams*, revoked ones too."""
        wanted = [*dict.fromkeys(streams)][:MAX_LABELS]
        found: list[Item] = []
        for start in range(0, len(wanted), MAX_BATCH_READ // 2):
            some = wanted[start : start + MAX_BATCH_READ // 2]
            keys = [kind(account, stream) for stream in some for kind in (locate_owned_key, locate_past_key)]
            found += self._dynamo.batch_get({self._table: keys}, consistent=False)[self._table]
        return {key.stream: key.label for key in map(key_of, found)}

    def key(self, account: str, stream: str) -> Key | None:
        """The key of *account* that publishes *stream*; not where it was revoked."""
        item = self._dynamo.get(self._table, locate_owned_key(account, stream))
        return key_of(item) if item else None

    def known_key(self, account: str, stream: str) -> Key | None:
        """The key of *account* that publishes or published *stream*."""
        wanted = [locate_owned_key(account, stream), locate_past_key(account, stream)]
        found = self._dynamo.batch_get({self._table: wanted}, consistent=True)[self._table]
        return next(map(key_of, found), None)

    def key_of_secret(self, digest: str) -> Key | None:
        """The key with this digest, whoever has it."""
        item = self._dynamo.get(self._table, locate_key(digest))
        return key_of(item) if item else None

    def rotate(self, key: Key, rotated: Key) -> bool:
        """Give the stream of *key* the secret of *rotated*; False where the key changed meanwhile.

        The owner's entry first, which knows every secret that must be revoked some day. A crash in between leaves the
        old secret as it was and nobody with a new one, and the next rotation or revocation finishes what this one began.
        """
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_owned_key(key.account, key.stream),
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
        if isinstance(outcome, Unmet) and not (outcome.item and outcome.item.get("digest") == rotated.digest):
            return False
        self._dynamo.put_new(self._table, key_item(rotated))
        for old in rotated.retiring:
            self._set_revoked(locate_key(old.digest), old.until)
        return True

    def revoke(self, key: Key, at: float) -> None:
        """Treat *key* as unknown from *at* on: write it to the secrets first, then to the owner's entry.

        Some weeks later the table drops all of these, and the stream.
        """
        self._set_revoked(locate_key(key.digest), at)
        for old in key.retiring:
            self._set_revoked(locate_key(old.digest), min(at, old.until))
        self._lapse(locate_stream(key.stream), at)
        self._set_revoked(locate_owned_key(key.account, key.stream), at)

    def _set_revoked(self, where: dict[str, str], at: float) -> None:
        values = {":at": at, ":ttl": _forgotten(at)}
        update = "SET revoked = :at, #ttl = :ttl"
        self._dynamo.update(Update(self._table, where, update, "attribute_exists(pk)", {"#ttl": "ttl"}, values))

    def _lapse(self, where: dict[str, str], at: float) -> None:
        values = {":ttl": _forgotten(at)}
        self._dynamo.update(
            Update(self._table, where, "SET #ttl = :ttl", "attribute_exists(pk)", {"#ttl": "ttl"}, values)
        )

    def stream(self, stream: str, *, consistent: bool = True) -> Stream | None:
        """The stream with this id."""
        item = self._dynamo.get(self._table, locate_stream(stream), consistent=consistent)
        return stream_of(item) if item else None

    def streams(self, ids: Iterable[str]) -> dict[str, Stream]:
        """The streams that exist among *ids* (at most 100)."""
        keys = [locate_stream(stream) for stream in dict.fromkeys(ids)]
        found = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        return {stream.id: stream for stream in map(stream_of, found)}


def _forgotten(at: float) -> int:
    """When the table drops what was over at *at*: after the month's usage was looked at with its label."""
    return int(at) + PAST_SECONDS


def _elsewhere(item: Item) -> Iterator[dict[str, str]]:
    """The items outside an account's partition that belong to *item* in it: a key's secrets and stream, a token."""
    if item["sk"].startswith(("KEY#", "PAST#")):
        key = key_of(item)
        yield from (locate_key(digest) for digest in (key.digest, *(old.digest for old in key.retiring)))
        yield locate_stream(key.stream)
    elif item["sk"].startswith("TOKEN#"):
        yield locate_token(item["sk"].removeprefix("TOKEN#"))
