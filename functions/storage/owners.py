"""What the owner of an account may read of it: the token's account, its keys, and the month's bytes. Reads only."""

from dataclasses import dataclass

from functions.accounts import Account, Key
from functions.storage.dynamo import Dynamo
from functions.storage.shapes import account_key, account_of, key_of, token_key


@dataclass(frozen=True, slots=True)
class Owned:
    """An account and every stream key that was ever made for it."""

    account: Account
    keys: tuple[Key, ...]


class Owners:
    """Accounts by the token that their owner holds."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def account_of_token(self, digest: str) -> str | None:
        """The account whose token has this digest. Consistent: a revoked token is refused from the next request on."""
        item = self._dynamo.get(self._table, token_key(digest))
        return str(item["account"]) if item else None

    def owned(self, account: str) -> Owned | None:
        """The account with its keys, in one query: they share a partition."""
        items = {item["sk"]: item for item in self._dynamo.query(self._table, account_key(account)["pk"])}
        own = items.pop(account_key(account)["sk"], None)
        if own is None:
            return None
        keys = tuple(key_of(item) for sort, item in items.items() if sort.startswith("KEY#"))
        return Owned(account_of(own), keys)

    def bytes_of_month(self, account: str, month: str) -> int:
        """Media bytes of *month*: the sum of what each life of each node has counted."""
        shards = self._dynamo.query(self._table, f"USAGE#{account}#{month}", consistent=False)
        return sum(int(shard["b"]) for shard in shards)
