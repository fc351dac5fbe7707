"""How the signer's keys change from one to the next: texts of the secret parameter in, texts out. Pure.

A rotation is four states of one secret, each safe to stop in and to go on from: the old key alone; a new one staged
behind it (published, not signing); the new one signing, the old one still published; the new one alone. The order of
the list is the order of age. Which state a secret is in is read from the secret, so a rotation needs no memory.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from functions.domain.signer import CACHE_SECONDS, RETRY_SECONDS, key_entry, signing_key
from shared.grants import GRACE_SECONDS, GRANT_SECONDS, public_jwks
from shared.keys import RandomBytes

HEARTBEAT_SECONDS = 10
"""A node that was not answered for so long has lost its lease, and with its next answer it gets the keys."""
PUBLISH_SECONDS = CACHE_SECONDS + 2 * RETRY_SECONDS + HEARTBEAT_SECONDS
"""From publishing a key to signing with it: until the last function has read it and every node has heard of it."""
RETIRE_SECONDS = CACHE_SECONDS + 2 * RETRY_SECONDS + GRANT_SECONDS + GRACE_SECONDS
"""From signing with the new key to withdrawing the old: until the last function has switched, and its last grant is over."""


class KeyState(StrEnum):
    """What a key is there for."""

    STAGED = "staged"
    """Published, and signing soon."""
    SIGNING = "signing"
    RETIRING = "retiring"
    """Published for the grants that it signed."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its secret."""

    kid: str
    created: int
    state: KeyState


def keys_in(secret: str) -> list[KeyInfo]:
    """The keys of a secret, oldest first."""
    signer = json.loads(secret)
    kids = [key["kid"] for key in signer["keys"]]
    signing = kids.index(signer["active"])
    states = [
        KeyState.SIGNING if number == signing else KeyState.RETIRING if number < signing else KeyState.STAGED
        for number in range(len(kids))
    ]
    return [KeyInfo(key["kid"], key["created"], state) for key, state in zip(signer["keys"], states, strict=True)]


def staged(secret: str, random: RandomBytes, now: float) -> str:
    """*secret* with a new key behind those that it has."""
    signer = json.loads(secret)
    return json.dumps({**signer, "keys": [*signer["keys"], key_entry(random, now)]})


def switched(secret: str) -> str:
    """*secret*, signing with its newest key."""
    signer = json.loads(secret)
    return json.dumps({**signer, "active": signer["keys"][-1]["kid"]})


def retired(secret: str) -> str:
    """*secret* without the keys that are older than the one that signs."""
    signer: dict[str, Any] = json.loads(secret)
    old = {key.kid for key in keys_in(secret) if key.state is KeyState.RETIRING}
    return json.dumps({**signer, "keys": [key for key in signer["keys"] if key["kid"] not in old]})


def public_text(secret: str) -> str:
    """The public JWK Set's text for all keys of *secret*."""
    keys = json.loads(secret)["keys"]
    return json.dumps(public_jwks(signing_key(key["kid"], key["seed"]) for key in keys))
