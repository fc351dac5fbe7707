"""Where viewers wait for a key's publisher: kept on the key's own item, which a publish reads anyway."""

from typing import TYPE_CHECKING

from functions.domain.accounts import AUDIENCE_SECONDS, Audience
from functions.storage.dynamo import Dynamo, Update
from functions.storage.items.ids import pack
from functions.storage.items.key import audience_item, locate_key

if TYPE_CHECKING:
    from functions.storage.attributes import Item

# Viewers whose publisher has just left are more than those who came early: their node's note replaces any other.
EXISTS = "attribute_exists(pk)"
# A note of another node came first and stays, unless it is too old.
NONE_ELSEWHERE = "attribute_exists(pk) AND (attribute_not_exists(waits) OR waits.b = :boot OR waits.t < :stale)"


class Audiences:
    """Writes on keys' items where viewers wait."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def note(self, digest: str, audience: Audience, *, left: bool) -> None:
        """Note on the key with this digest where viewers wait; *left*: its publisher has just left them there."""
        values: Item = {":waits": audience_item(audience)}
        if not left:
            values |= {":boot": pack(audience.boot), ":stale": audience.at - AUDIENCE_SECONDS}
        self._dynamo.update(
            Update(
                self._table,
                locate_key(digest),
                "SET waits = :waits",
                EXISTS if left else NONE_ELSEWHERE,
                values=values,
            )
        )
