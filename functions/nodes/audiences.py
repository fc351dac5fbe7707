"""What keys are told of viewers who wait for their publishers, so that a publisher who comes back comes to them.

A node names the streams that it has viewers for and no publisher. The key of each is told at once, and again while they
wait; its note is read with the key at the next publish, which stays at two calls. A note that is too old or too many
costs nothing but a placement elsewhere, after which viewers are sent after their stream (`functions.nodes.handover`).
"""

from collections.abc import Mapping, Sequence

from functions.domain.accounts import AUDIENCE_SECONDS, Audience
from functions.domain.stores import AudienceStore, RegistryStore
from shared.messages import Heartbeat

REPEAT_SECONDS = AUDIENCE_SECONDS / 2
"""How soon a key is told again while its viewers wait: before what it was told is too old."""
PER_BEAT = 10
"""Keys that one heartbeat tells at most, two calls each; the others are told by the next."""


def due(waiting: Sequence[str], told: Mapping[str, float], left: frozenset[str], now: float) -> list[str]:
    """The streams whose keys are told now: those that were *left* by their publisher first, at most `PER_BEAT`. Pure."""
    # Each once: DynamoDB takes no key twice in one read.
    late = [name for name in dict.fromkeys(waiting) if name in left or now - told.get(name, 0) >= REPEAT_SECONDS]
    return sorted(late, key=lambda name: name not in left)[:PER_BEAT]


class AudienceNotes:
    """Notes on keys where viewers wait for their publishers."""

    def __init__(self, registry: RegistryStore, notes: AudienceStore) -> None:
        self._registry = registry
        self._notes = notes

    def tell(
        self, heartbeat: Heartbeat, told: Mapping[str, float], left: frozenset[str], now: float
    ) -> Mapping[str, float]:
        """Tell the keys of the streams that *heartbeat* names as waiting; when each that still waits was last told, by stream.

        *told*: the same after the beat before. *left*: streams whose publisher leaves with this beat.
        """
        if heartbeat.kind != "sfu" or heartbeat.state != "serving":
            return {}  # nobody is placed there
        names = due(heartbeat.waiting, told, left, now)
        found = self._registry.streams(names) if names else {}
        for name in names:
            key = self._registry.key(found[name].account, name) if name in found else None
            digests = [key.digest, *(old.digest for old in key.retiring if old.until > now)] if key is not None else []
            for digest in digests:
                self._notes.note(digest, Audience(heartbeat.boot, now), left=name in left)
        fresh = dict.fromkeys(names, now)
        return {name: at for name in heartbeat.waiting if (at := fresh.get(name, told.get(name))) is not None}
