"""What a stream's item says of the running session: written when a node reports a change, read by every viewer."""

from functions.accounts import Live
from functions.storage.attributes import Item  # noqa: TC001 - annotations are one rule for all imports
from functions.storage.dynamo import Dynamo, Update
from functions.storage.shapes import live_item, stream_key

# A late heartbeat of the node that lost the stream does not hide the session that took it over.
NOT_OLDER = "attribute_exists(pk) AND (attribute_not_exists(live) OR live.epoch <= :epoch)"


class Streams:
    """The live marks of streams."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def set_live(self, stream: str, live: Live) -> None:
        """Note what *stream* is doing, unless a later session is noted."""
        self._dynamo.update(
            Update(
                self._table,
                stream_key(stream),
                "SET live = :live REMOVE problems",
                NOT_OLDER,
                values={":live": live_item(live), ":epoch": live.epoch},
            )
        )

    def set_offline(self, stream: str, session: str, problems: tuple[str, ...] = ()) -> None:
        """Note that *session* ended, unless another session is noted; *problems* is why, if it was for what it sent."""
        values: Item = {":session": session}
        if problems:
            values[":problems"] = list(problems)
        self._dynamo.update(
            Update(
                self._table,
                stream_key(stream),
                "REMOVE live" + (" SET problems = :problems" if problems else ""),
                "live.#session = :session",
                {"#session": "session"},
                values,
            )
        )
