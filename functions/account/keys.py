"""What an owner does to stream keys: makes, rotates and revokes them. A secret is in one answer and nowhere else.

A revoked key's session ends with it: what runs is ordered to end on its node, at the time of the revocation; what begins
before a planned one is ordered likewise by admission. Another account's stream is answered like one that does not exist.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from math import ceil

from functions.account.models.keys import CreateKeyRequest, KeyCreated, KeyRevoked, RotateKeyRequest
from functions.domain.accounts import Account, Key
from functions.domain.fleet import Fleet, PendingCommand
from functions.domain.provision import create_key, rotate_key
from functions.domain.stores import CommandStore, RegistryStore, TokenBuckets
from shared.end_reasons import EndReason
from shared.keys import RandomBytes, is_stream_id
from shared.rate import Rate
from shared.refusals import Refused, forbidden, invalid_request, not_found, rate_limited

MAX_KEYS = 200
"""Keys of an account that are not over; those that are to be revoked count until then."""
MAX_RETIRING = 5
"""Replaced secrets of a key that still publish."""
MAX_ARCHIVED = 250
"""Keys that are over and moved away at a time."""
NEW_KEYS = Rate(200, 60)
"""New secrets of one account: all of its keys at once, and one more a minute. What is over is kept for some weeks."""
LATEST_SECONDS = 366 * 86400
"""How far ahead a revocation may be planned."""
SKEW_SECONDS = 60
"""How far back it may lie, for clients whose clock is late; it is for now then."""
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


class OwnedKeys:
    """Changes the stream keys of the owner's account, at most so many and so often that storage stays small."""

    def __init__(
        self,
        registry: RegistryStore,
        nodes: CommandStore,
        throttle: TokenBuckets,
        fleet: Callable[[], Fleet],
        random: RandomBytes,
    ) -> None:
        self._registry = registry
        self._throttle = throttle
        self._nodes = nodes
        self._fleet = fleet
        self._random = random

    def create(self, account: Account, wish: CreateKeyRequest, base: str, now: float) -> KeyCreated | Refused:
        """Make a key with a stream of its own; refused are one key too many, and too many within a while.

        *base* is the address of the API, which the key's addresses begin with.
        """
        keys = list(self._registry.keys(account.id))
        over = [key for key in keys if not key.valid(now)]
        # What was to be over by now is moved away by whoever makes the next key, so that the list never grows.
        self._registry.archive(over[:MAX_ARCHIVED])
        if len(keys) - len(over) >= MAX_KEYS:
            return forbidden(f"An account has at most {MAX_KEYS} keys. Revoke one first.")
        wait = self._throttle.take(f"keys#{account.id}", NEW_KEYS, now)
        if wait > 0:
            return rate_limited(ceil(wait))
        protocols = frozenset[str](wish.protocols) if wish.protocols else None
        made = create_key(self._registry, account, random=self._random, now=now, label=wish.label, protocols=protocols)
        return _created(made.stream_key.reveal(), made.stream, wish.label, protocols, base)

    def rotate(
        self, account: Account, stream: str, wish: RotateKeyRequest, base: str, now: float
    ) -> KeyCreated | Refused:
        """Give a stream a new secret; the old one publishes for as long as was asked, and so does its session."""
        key = self._own(account, stream, now)
        if key is None:
            return _no_key()
        if key.revoked_at is not None:
            return forbidden("The key is about to be revoked.")
        until = now + wish.overlap_seconds
        if sum(min(old.until, until) > now for old in key.retiring) >= MAX_RETIRING:
            return forbidden(f"{MAX_RETIRING} older secrets publish still. With overlap_seconds 0 all of them end now.")
        wait = self._throttle.take(f"keys#{account.id}", NEW_KEYS, now)
        if wait > 0:
            return rate_limited(ceil(wait))
        secret = rotate_key(self._registry, key, random=self._random, now=now, until=until)
        if secret is None:
            return invalid_request("The key was changed meanwhile; look at it and try again.", status=409)
        self._end(account.id, stream, until)
        created = _created(secret.reveal(), stream, key.label, key.protocols, base)
        return created.model_copy(update={"old_until": until})

    def revoke(self, account: Account, stream: str, at: str | None, now: float) -> KeyRevoked | Refused:
        """End a key's validity and its session, now or *at* a time in seconds since the epoch, as the query has it."""
        key = self._own(account, stream, now)
        if key is None:
            return _no_key()
        when = _instant(at, now)
        if isinstance(when, Refused):
            return when
        self._registry.revoke(key, when)
        if when <= now:
            self._registry.archive([replace(key, revoked_at=when)])
        self._end(account.id, stream, when)
        return KeyRevoked(stream_id=stream, revoked_at=when)

    def _own(self, account: Account, stream: str, now: float) -> Key | None:
        key = self._registry.key(account.id, stream) if is_stream_id(stream) else None
        return key if key is not None and key.valid(now) else None

    def _end(self, account: str, stream: str, at: float) -> None:
        """Have the session that holds the stream's slot end *at* a time. Read after the key changed, so none slips by."""
        found = self._registry.account(account)
        slot = found.slots.get(stream) if found is not None else None
        if slot is None:
            return
        node = self._fleet().of_boot(slot.boot)
        if node is not None:
            command = PendingCommand(f"revoked-{slot.session}", EndReason.REVOKED, session=slot.session, not_before=at)
            self._nodes.leave_command(node.id, node.boot, command)


def _instant(text: str | None, now: float) -> float | Refused:
    if text is None:
        return now
    # Not whatever float() takes, which are digits of all scripts with underscores between them.
    at = float(text) if _SECONDS.fullmatch(text) else -1.0
    if not now - SKEW_SECONDS <= at <= now + LATEST_SECONDS:
        return invalid_request('"at" must be a time within a year from now, in seconds since the epoch.', "at")
    return max(at, now)


def _created(secret: str, stream: str, label: str, protocols: frozenset[str] | None, base: str) -> KeyCreated:
    return KeyCreated(
        stream_key=secret,
        stream_id=stream,
        label=label,
        protocols=sorted(protocols) if protocols is not None else None,
        whip=f"{base}/{secret}/whip",
        whep=f"{base}/{stream}/whep",
    )


def _no_key() -> Refused:
    return not_found("The account has no key for this stream.")
