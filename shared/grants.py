"""Grants: signed, short-lived permission for one session on one boot of one node (design.md, sections 3.6 and 4.3).

`sign()` runs in the control plane only; `Verifier.verify()` alone makes a `VerifiedGrant`, and the media plane takes
nothing else. Wire evolution: claims are only added, always with a default, so that old nodes accept new grants and
new nodes old ones.

What `verify()` does **not** check: that the grant was not used before. The node's replay set does that, because only
the node knows what it has seen.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TYPE: Final = "sluice-grant+jwt"
ALGORITHM: Final = "EdDSA"
ISSUER: Final = "sluice"
GRANT_SECONDS: Final = 30
"""How long a fresh grant can be used; design.md allows up to 60."""
GRACE_SECONDS: Final = 5
"""Clock skew between control plane and node: a grant counts as usable this much longer, and is valid this much earlier."""
MAX_GRANT_BYTES: Final = 4096
"""A grant has some 600 bytes; nothing longer is looked at."""


class Action(StrEnum):
    """What a grant permits."""

    PUBLISH = "publish"
    PLAY = "play"


class Reason(StrEnum):
    """Why a token was rejected: for the log and a counter, never for the client."""

    MISSING = "missing"
    MALFORMED = "malformed"
    """Truncated, or no base64url."""
    WRONG_PARTS = "wrong_parts"
    NOT_JSON = "not_json"
    TOO_LONG = "too_long"
    WRONG_TYPE = "wrong_type"
    UNSIGNED = "unsigned"
    WRONG_ALGORITHM = "wrong_algorithm"
    CRITICAL_HEADER = "critical_header"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    DUPLICATE_CLAIM = "duplicate_claim"
    BAD_CLAIMS = "bad_claims"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_NODE = "wrong_node"
    WRONG_BOOT = "wrong_boot"
    WRONG_STREAM = "wrong_stream"
    WRONG_ACTION = "wrong_action"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REPLAYED = "replayed"
    """Never from `verify()`: the node's replay set uses it."""
    FENCED = "fenced"
    """Never from `verify()`: a lower epoch than the node has seen for the stream."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a grant says."""

    node: str
    """`aud`: the node that may accept it."""
    boot: str
    """The life of the node's process that may accept it."""
    account: str
    """`sub`"""
    stream: str
    session: str
    """`jti`"""
    action: Action
    epoch: int
    """Takeovers of the stream so far; a higher epoch fences a lower one. 0 for playing."""
    issued_at: float
    expires_at: float
    tier: str
    max_viewers: int
    max_kbps: int
    protocol: str = "whip"
    permissions: tuple[Mapping[str, str], ...] = ()
    """`mediamtx_permissions`, for MediaMTX nodes: (action, path) pairs as its JWT support reads them."""

    def payload(self) -> dict[str, Any]:
        """The JWT claims set."""
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


_MADE_BY_VERIFY: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedGrant:
    """Evidence that *claims* were signed by the control plane for this node, this boot, this stream and action, now.

    Only `Verifier.verify()` makes one. It is not evidence of single use.
    """

    claims: Claims
    _proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._proof is not _MADE_BY_VERIFY:
            raise TypeError("only Verifier.verify() makes a VerifiedGrant")


@dataclass(frozen=True, slots=True)
class Rejected:
    """The token is no evidence of anything; *reason* is for the log."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of the control plane; *seed* is the 32 secret bytes of Ed25519 (RFC 8032)."""

    kid: str
    seed: bytes = field(repr=False)

    def public_jwk(self) -> dict[str, str]:
        """The public half as a JWK (RFC 8037)."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": ALGORITHM,
            "use": "sig",
            "kid": self.kid,
            "x": urlsafe_b64encode(raw).rstrip(b"=").decode(),
        }


def public_jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, str]]]:
    """The JWK Set (RFC 7517) of the public halves of *keys*: what nodes and `/.well-known/jwks.json` get."""
    return {"keys": [key.public_jwk() for key in keys]}


def sign(claims: Claims, key: SigningKey) -> str:
    """The grant, a compact JWS (RFC 7515)."""
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    return jwt.encode(claims.payload(), private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE})


class Verifier:
    """Checks grants against the control plane's public keys. Holds no state but the keys."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        """Take the Ed25519 keys of a JWK Set; others are for other readers and are left out."""
        self._keys = dict(filter(None, (_public_key(jwk) for jwk in jwks.get("keys", ()))))

    @property
    def kids(self) -> frozenset[str]:
        """The ids of the keys that a grant may be signed with."""
        return frozenset(self._keys)

    def verify(
        self, token: str | None, *, node: str, boot: str, stream: str, action: Action, now: float
    ) -> VerifiedGrant | Rejected:
        """Whether *token* lets *action* on *stream* begin on this *boot* of *node* at *now* (seconds since the epoch)."""
        if not token:
            return Rejected(Reason.MISSING)
        if len(token) > MAX_GRANT_BYTES:
            return Rejected(Reason.TOO_LONG)
        key = self._key_for(token)
        if isinstance(key, Rejected):
            return key
        try:
            # Times and audience are checked below, against our `now` and with a reason each.
            payload = jwt.api_jws.decode(token, key, algorithms=[ALGORITHM])
        except jwt.InvalidSignatureError:
            return Rejected(Reason.BAD_SIGNATURE)
        except (jwt.InvalidTokenError, ValueError):
            return Rejected(Reason.MALFORMED)
        claims = _read_claims(payload)
        if isinstance(claims, Rejected):
            return claims
        reason = _mismatch(claims, node=node, boot=boot, stream=stream, action=action, now=now)
        return Rejected(reason) if reason else VerifiedGrant(claims, _MADE_BY_VERIFY)

    def _key_for(self, token: str) -> Ed25519PublicKey | Rejected:
        """The key that the header names, once the header is one that we would have written."""
        encoded, _, rest = token.partition(".")
        if rest.count(".") != 1:
            return Rejected(Reason.WRONG_PARTS)
        try:
            header = _read_object(_base64url(encoded))
        except ValueError:
            return Rejected(Reason.MALFORMED)
        if isinstance(header, Rejected):
            return header
        if (algorithm := header.get("alg")) != ALGORITHM:
            return Rejected(Reason.UNSIGNED if algorithm == "none" else Reason.WRONG_ALGORITHM)
        if header.get("typ") != TYPE:
            return Rejected(Reason.WRONG_TYPE)
        if "crit" in header or header.get("b64", True) is not True:
            return Rejected(Reason.CRITICAL_HEADER)
        kid = header.get("kid")
        return self._keys.get(kid, Rejected(Reason.UNKNOWN_KEY)) if isinstance(kid, str) else Rejected(Reason.MALFORMED)


def _mismatch(claims: Claims, *, node: str, boot: str, stream: str, action: Action, now: float) -> Reason | None:
    checks = (
        (claims.node == node, Reason.WRONG_NODE),
        (claims.boot == boot, Reason.WRONG_BOOT),
        (claims.stream == stream, Reason.WRONG_STREAM),
        (claims.action is action, Reason.WRONG_ACTION),
        # Not widened by the grace: whoever reclaims an unused slot waits for `exp` plus grace.
        (claims.expires_at > now, Reason.EXPIRED),
        (claims.issued_at <= now + GRACE_SECONDS, Reason.NOT_YET_VALID),
    )
    return next((reason for holds, reason in checks if not holds), None)


def _read_claims(payload: bytes) -> Claims | Rejected:
    claims = _read_object(payload)
    if isinstance(claims, Rejected):
        return claims
    if claims.get("iss") != ISSUER:
        return Rejected(Reason.WRONG_ISSUER)
    try:
        limits = claims.get("lim", {})
        return Claims(
            node=_text(claims["aud"]),
            boot=_text(claims["boot"]),
            account=_text(claims["sub"]),
            stream=_text(claims["stream"]),
            session=_text(claims["jti"]),
            action=Action(claims["act"]),
            epoch=_whole(claims["ep"]),
            issued_at=_number(claims["nbf"]),
            expires_at=_number(claims["exp"]),
            tier=_text(claims.get("tier", "")),
            max_viewers=_whole(limits.get("viewers", 0)),
            max_kbps=_whole(limits.get("kbps", 0)),
            protocol=_text(claims.get("proto", "whip")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return Rejected(Reason.BAD_CLAIMS)


def _read_object(data: bytes) -> dict[str, Any] | Rejected:
    try:
        found = json.loads(data, object_pairs_hook=_no_duplicates)
    except _DuplicateClaimError:
        return Rejected(Reason.DUPLICATE_CLAIM)
    except (ValueError, RecursionError):
        return Rejected(Reason.NOT_JSON)
    return found if isinstance(found, dict) else Rejected(Reason.NOT_JSON)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a claim is not text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a claim is not a whole number")
    return value


def _number(value: object) -> float:
    # json.loads accepts NaN and Infinity, and every comparison with NaN is false.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e12:
        raise TypeError("a claim is not an instant")
    return float(value)


class _DuplicateClaimError(Exception):
    """A JSON object names a member twice, so that two readers might see two grants (RFC 7519, section 4)."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateClaimError
    return found


def _base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public_key(jwk: Mapping[str, Any]) -> tuple[str, Ed25519PublicKey] | None:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or "kid" not in jwk:
        return None
    try:
        return str(jwk["kid"]), Ed25519PublicKey.from_public_bytes(_base64url(str(jwk.get("x", ""))))
    except (ValueError, Base64Error):
        return None
