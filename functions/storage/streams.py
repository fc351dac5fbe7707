"""The running session on a stream's item, and the copy of its account's limits: every viewer's admission reads both.

An account has any number of streams, and only the live ones matter to viewers. So a change of an account is written to its
live streams only, and a session that begins brings its stream up to date in the same write. No block and no limit needs
all streams of an account to be written.
"""

from typing import Any

from functions.domain.accounts import Account, Live
from functions.storage.attributes import Item
from functions.storage.dynamo import Dynamo, Unmet, Update
from functions.storage.items.stream import carried_item, live_item, locate_stream

# A late heartbeat of the node that lost the stream does not hide the session that took it over.
NOT_OLDER = "attribute_exists(pk) AND (attribute_not_exists(live) OR live.epoch <= :epoch)"
# A copy of the account from before its last change does not replace a later one.
NOT_STALE = "attribute_exists(pk) AND (attribute_not_exists(lv) OR lv <= :lv)"


class Streams:
    """Writes streams' running sessions, and the limits that they carry of their accounts."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def set_live(self, stream: str, live: Live) -> None:
        """Note what *stream* is doing, unless a later session is noted."""
        self._write(
            stream, "SET live = :live REMOVE problems", NOT_OLDER, {":live": live_item(live), ":epoch": live.epoch}
        )

    def begin(self, stream: str, live: Live, account: Account) -> None:
        """Note that a session began, and what *account* allows it."""
        values = {**carried_item(account), "live": live_item(live), "problems": None}
        noted = self._write(
            stream, _setting(values), f"({NOT_OLDER}) AND ({NOT_STALE})", {**_named(values), ":epoch": live.epoch}
        )
        if not noted:
            # The account changed a moment ago and the stream has it already; or a later session is noted.
            self.set_live(stream, live)

    def carry(self, stream: str, account: Account) -> None:
        """Let *stream* carry what *account* allows, unless it has something newer."""
        values = carried_item(account)
        self._write(stream, _setting(values), NOT_STALE, _named(values))

    def set_offline(self, stream: str, session: str, problems: tuple[str, ...] = ()) -> None:
        """Note that *session* ended, unless another session is noted; *problems* is why, if it was for what it sent."""
        values: Item = {":session": session}
        if problems:
            values[":problems"] = list(problems)
        self._dynamo.update(
            Update(
                self._table,
                locate_stream(stream),
                "REMOVE live" + (" SET problems = :problems" if problems else ""),
                "live.#session = :session",
                {"#session": "session"},
                values,
            )
        )

    def _write(self, stream: str, update: str, condition: str, values: dict[str, Any]) -> bool:
        change = Update(self._table, locate_stream(stream), update, condition, values=values)
        return not isinstance(self._dynamo.update(change), Unmet)


def _setting(values: Item) -> str:
    """The update that sets *values*, and removes those that are None."""
    sets = ", ".join(f"{name} = :{name}" for name, value in values.items() if value is not None)
    gone = ", ".join(name for name, value in values.items() if value is None)
    return f"SET {sets}" + (f" REMOVE {gone}" if gone else "")


def _named(values: Item) -> Item:
    return {f":{name}": value for name, value in values.items() if value is not None}
