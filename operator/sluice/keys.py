"""The secrets that an operator makes for a stack, as its parameters in SSM hold them. Pure: randomness is an argument.

The control plane reads these formats (functions/domain/signer.py, functions/domain/webhook.py); a test holds both sides
equal to the byte.
"""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RandomBytes = Callable[[int], bytes]
"""As many random bytes as it is asked for, like `secrets.token_bytes`."""

_SEED_BYTES = 32
_MASTER_BYTES = 32


def new_key(random: RandomBytes, now: float) -> dict[str, str | int]:
    """A new key as the signer's secret lists it: its id, its Ed25519 seed (RFC 8032), the second it was made in."""
    seed = _base64url(random(_SEED_BYTES))
    return {"kid": f"{int(now)}-{random(4).hex()}", "seed": seed, "created": int(now)}


def new_signer(random: RandomBytes, now: float) -> tuple[str, str]:
    """The signer of a new stack: the text of its secret and the text of its public JWK Set, both JSON."""
    key = new_key(random, now)
    secret = json.dumps({"active": key["kid"], "keys": [key]})
    return secret, public_text(secret)


def public_text(secret: str) -> str:
    """The public JWK Set (RFC 7517) of all keys of *secret*: what nodes verify grants with."""
    return json.dumps({"keys": [_public_jwk(key) for key in json.loads(secret)["keys"]]})


def published_kids(public: str) -> frozenset[str]:
    """The ids of the keys of a public JWK Set that a grant may be signed with."""
    return frozenset(jwk["kid"] for jwk in json.loads(public)["keys"] if jwk.get("crv") == "Ed25519")


def new_master(random: RandomBytes) -> str:
    """A fresh master secret, from which the control plane derives each webhook's own; base64 of 32 bytes."""
    return b64encode(random(_MASTER_BYTES)).decode()


def _public_jwk(key: dict[str, Any]) -> dict[str, str]:
    """The public half of *key* (RFC 8037)."""
    seed = urlsafe_b64decode(key["seed"] + "=" * (-len(key["seed"]) % 4))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key["kid"], "x": _base64url(public)}


def _base64url(data: bytes) -> str:
    """Without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
