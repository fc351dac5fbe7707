"""The last refusals of each stream key, kept for a day. OBS and FFmpeg throw a refusal's body away; its owner reads it here.

Keeping one is a small write that shifts the others down, at most one a key in `PAUSE_SECONDS`, so an encoder that posts
again and again costs nothing more. Where the store does not answer, the refusal is not kept, and the client gets it all the
same. Refusals of unknown and of revoked keys are never kept: the time of the write would tell that the key was one.
"""

from collections.abc import Iterator

from functions.domain.accounts import RefusedPublish
from functions.domain.stores import StoreUnavailableError
from functions.storage.attributes import Item
from functions.storage.dynamo import Dynamo, Unmet, Update
from functions.storage.items.refusals import locate_refusals, refused_publish_item, refused_publish_of

KEPT = 12
"""With so many the item stays under 1 KB, one write unit."""
KEPT_SECONDS = 86400
PAUSE_SECONDS = 5
MAX_REMEMBERED = 1000
MAX_SHOWN = 1000
"""Keys of one account whose refusals are read: a page of the store."""

# No other process has just kept a refusal of this key.
QUIET = "attribute_not_exists(#at) OR #at <= :quiet"
# A heartbeat that is repeated reports the same problem of the same session.
FIRST = "attribute_not_exists(troubled) OR troubled <> :session"


class RefusalLog:
    """Keeps and reads refusals. It remembers for which keys one was kept a moment ago, and nothing else."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._noted: dict[str, float] = {}

    def note(self, account: str, refusal: RefusedPublish) -> bool:
        """Keep *refusal*, unless another of its key was kept a moment ago; whether it was kept.

        A session's problem is kept once, whatever was kept a moment ago.
        """
        if not refusal.session and refusal.at - self._noted.get(refusal.stream, -PAUSE_SECONDS) < PAUSE_SECONDS:
            return False
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[refusal.stream] = refusal.at
        # From the oldest to the newest, so that a store that sets one after the other shifts as well.
        shifts = [f"e{place} = if_not_exists(e{place - 1}, :none)" for place in range(KEPT - 1, 0, -1)]
        once = {":session": refusal.session} if refusal.session else {":quiet": refusal.at - PAUSE_SECONDS}
        change = Update(
            self._table,
            locate_refusals(account, refusal.stream),
            f"SET {', '.join(shifts)}, e0 = :entry, #at = :at, #ttl = :ttl"
            + (", troubled = :session" if refusal.session else ""),
            FIRST if refusal.session else QUIET,
            {"#at": "at", "#ttl": "ttl"},
            {
                ":entry": refused_publish_item(refusal),
                ":none": {},
                ":at": refusal.at,
                ":ttl": int(refusal.at) + KEPT_SECONDS,
                **once,
            },
        )
        try:
            return not isinstance(self._dynamo.update(change), Unmet)
        except StoreUnavailableError:
            return False

    def of(self, account: str, now: float) -> list[RefusedPublish]:
        """The last day's refusals of the keys of *account*, newest first."""
        found = [
            refusal
            for item in self._dynamo.query(self._table, f"ACCOUNT#{account}", prefix="REFUSED#", limit=MAX_SHOWN)
            for refusal in _entries(item)
            if now - refusal.at < KEPT_SECONDS
        ]
        return sorted(found, key=lambda refusal: refusal.at, reverse=True)


def _entries(item: Item) -> Iterator[RefusedPublish]:
    stream = item["sk"].removeprefix("REFUSED#")
    return (refused_publish_of(stream, entry) for place in range(KEPT) if (entry := item.get(f"e{place}")))
