"""Grants: signed, short-lived permission for one session on one boot of one node.

`sign()` runs in the control plane only; shared/verifier.py reads what it wrote. Wire evolution: claims are only added,
always with a default, so that old nodes accept new grants and new nodes old ones. Signed by hand, ten lines: this is part
of every cold start of admission, and PyJWT, which checks the grants, would take a tenth of that.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TYPE: Final = "sluice-grant+jwt"
ALGORITHM: Final = "EdDSA"
ISSUER: Final = "sluice"
GRANT_SECONDS: Final = 30
"""How long a fresh grant can be used: long enough for a redirect, too short to be passed on."""
GRACE_SECONDS: Final = 5
"""Clock skew between control plane and node: a grant counts as usable this much longer, and is valid this much earlier."""


class Action(StrEnum):
    """What a grant permits its bearer to do."""

    PUBLISH = "publish"
    PLAY = "play"


WEBRTC: Final = {Action.PUBLISH: "whip", Action.PLAY: "whep"}
"""The protocol of an action at our own nodes; a grant for another protocol is for a MediaMTX node."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a grant (RFC 7519, section 4): who may do what, where, until when."""

    node: str
    """`aud`: the node that may accept it."""
    boot: str
    """The life of the node's process that may accept it."""
    account: str
    """`sub`: the account that pays for the session."""
    stream: str
    session: str
    """`jti`: the id of the session that may begin, which makes the grant good for one only."""
    action: Action
    epoch: int
    """Takeovers of the stream so far; a higher epoch fences a lower one. 0 for playing."""
    issued_at: float
    expires_at: float
    tier: str
    max_viewers: int
    max_kbps: int
    protocol: str
    """`proto`: what the account was asked for, and the only one that the grant is good for."""
    permissions: tuple[Mapping[str, str], ...] = ()
    """`mediamtx_permissions`, for MediaMTX nodes: (action, path) pairs as its JWT support reads them."""

    def payload(self) -> dict[str, Any]:
        """The JWT claims set (RFC 7519, section 4), by the claims' names on the wire."""
        claims: dict[str, Any] = {
            "v": 1,
            "iss": ISSUER,
            "aud": self.node,
            "boot": self.boot,
            "sub": self.account,
            "stream": self.stream,
            "jti": self.session,
            "act": self.action.value,
            "ep": self.epoch,
            "iat": self.issued_at,
            "nbf": self.issued_at,
            "exp": self.expires_at,
            "tier": self.tier,
            "lim": {"viewers": self.max_viewers, "kbps": self.max_kbps},
            "proto": self.protocol,
        }
        if self.permissions:
            claims["mediamtx_permissions"] = [dict(p) for p in self.permissions]
        return claims


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of the control plane; *seed* is the 32 secret bytes of Ed25519 (RFC 8032)."""

    kid: str
    seed: bytes = field(repr=False)

    def public_jwk(self) -> dict[str, str]:
        """The public half as a JWK (RFC 8037)."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": ALGORITHM,
            "use": "sig",
            "kid": self.kid,
            "x": _base64url(public.public_bytes_raw()),
        }


def public_jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, str]]]:
    """The JWK Set (RFC 7517) of the public halves of *keys*: what nodes and `/.well-known/jwks.json` get."""
    return {"keys": [key.public_jwk() for key in keys]}


def sign(claims: Claims, key: SigningKey) -> str:
    """The grant, a compact JWS (RFC 7515)."""
    header = {"typ": TYPE, "alg": ALGORITHM, "kid": key.kid}
    signed = ".".join(
        _base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims.payload())
    )
    return f"{signed}.{_base64url(Ed25519PrivateKey.from_private_bytes(key.seed).sign(signed.encode()))}"


def _base64url(data: bytes) -> str:
    """Without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
