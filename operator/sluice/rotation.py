"""How the signer's keys change from one to the next: texts of the secret parameter in, texts out. Pure.

A rotation is four states of one secret, each safe to stop in and to go on from: the old key alone; a new one staged
behind it (published, not signing); the new one signing, the old one still published; the new one alone. The order of
the list is the order of age. Which state a secret is in is read from the secret, so a rotation needs no memory.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sluice.keys import RandomBytes, new_key

# Times of the control plane; a test holds them equal to its own.
CACHE_SECONDS = 300
"""How long a function goes on with the keys that it has read."""
RETRY_SECONDS = 10
"""How soon a function reads again after it could not."""
HEARTBEAT_SECONDS = 10
"""A node that was not answered for so long has lost its lease, and with its next answer it gets the keys."""
GRANT_SECONDS = 30
"""How long a grant can be used."""
GRACE_SECONDS = 5
"""How much longer it counts as usable, because clocks differ."""

PUBLISH_SECONDS = CACHE_SECONDS + 2 * RETRY_SECONDS + HEARTBEAT_SECONDS
"""From publishing a key to signing with it: until the last function has read it and every node has heard of it."""
RETIRE_SECONDS = CACHE_SECONDS + 2 * RETRY_SECONDS + GRANT_SECONDS + GRACE_SECONDS
"""From signing with the new key to withdrawing the old: until the last function has switched, and its last grant is over."""


class KeyState(StrEnum):
    """What a signing key is there for now."""

    STAGED = "staged"
    """Published, and signing soon."""
    SIGNING = "signing"
    RETIRING = "retiring"
    """Published for the grants that it signed."""


@dataclass(frozen=True, slots=True)
class SignerKey:
    """One of the signer's keys without its secret."""

    kid: str
    created: int
    """Seconds since the epoch."""
    state: KeyState


def keys_in(secret: str) -> list[SignerKey]:
    """The keys of a signer's secret, oldest first."""
    signer = json.loads(secret)
    kids = [key["kid"] for key in signer["keys"]]
    signing = kids.index(signer["active"])
    states = [
        KeyState.SIGNING if number == signing else KeyState.RETIRING if number < signing else KeyState.STAGED
        for number in range(len(kids))
    ]
    return [SignerKey(key["kid"], key["created"], state) for key, state in zip(signer["keys"], states, strict=True)]


def staged(secret: str, random: RandomBytes, now: float) -> str:
    """The secret with a new key behind those that it has."""
    signer = json.loads(secret)
    return json.dumps({**signer, "keys": [*signer["keys"], new_key(random, now)]})


def switched(secret: str) -> str:
    """The secret, signing with its newest key from now on."""
    signer = json.loads(secret)
    return json.dumps({**signer, "active": signer["keys"][-1]["kid"]})


def retired(secret: str) -> str:
    """The secret without the keys that are older than the one that signs."""
    signer: dict[str, Any] = json.loads(secret)
    old = {key.kid for key in keys_in(secret) if key.state is KeyState.RETIRING}
    return json.dumps({**signer, "keys": [key for key in signer["keys"] if key["kid"] not in old]})
