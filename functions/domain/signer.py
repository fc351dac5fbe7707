"""The signer's keys as text: what is kept in SSM, and the key that signs grants now. Pure.

The secret parameter lists private keys, oldest first, and names the active one; the public parameter is the JWK Set of
the same keys. `new_signer` is what a first deployment uses; the operator's command changes the keys from then on.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.grants import SigningKey, public_jwks
from shared.keys import RandomBytes

CACHE_SECONDS = 300
"""How long a function goes by the parameter that it read; a rotation waits for it."""
RETRY_SECONDS = 10
"""How soon a failed refresh is tried again while an old value serves."""


def new_signer(random: RandomBytes, now: float) -> tuple[str, str]:
    """A fresh signer: the secret parameter's text and the public JWK Set's text, both JSON."""
    entry = key_entry(random, now)
    secret = json.dumps({"active": entry["kid"], "keys": [entry]})
    return secret, json.dumps(public_jwks([active_key(secret)]))


def key_entry(random: RandomBytes, now: float) -> dict[str, str | int]:
    """A new key as the secret parameter lists it."""
    seed = urlsafe_b64encode(random(32)).rstrip(b"=").decode()
    return {"kid": f"{int(now)}-{random(4).hex()}", "seed": seed, "created": int(now)}


def active_key(secret: str) -> SigningKey:
    """The key that a secret parameter's text says to sign with; ValueError or KeyError for another text."""
    signer = json.loads(secret)
    (key,) = (key for key in signer["keys"] if key["kid"] == signer["active"])
    return signing_key(key["kid"], key["seed"])


def signing_key(kid: str, seed: str) -> SigningKey:
    """The key with this id, from its seed as the secret parameter spells it (base64url without padding)."""
    return SigningKey(kid, urlsafe_b64decode(seed + "=" * (-len(seed) % 4)))
