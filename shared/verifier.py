"""Checks grants (shared/grants.py): `Verifier.verify()` alone makes a `VerifiedGrant`, and the media plane takes nothing
else.

What it does **not** check: that the grant was not used before. The node's replay set does that, because only the node
knows what it has seen. Apart from signing, because PyJWT takes 30 ms to import and admission signs without it.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.grants import ALGORITHM, GRACE_SECONDS, ISSUER, TYPE, WEBRTC, Action, Claims

MAX_GRANT_BYTES: Final = 4096
"""A grant has some 600 bytes; nothing longer is looked at."""


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
    WRONG_PROTOCOL = "wrong_protocol"
    """For a MediaMTX node: an account or a key that may only use RTMP does not get WebRTC by it."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REPLAYED = "replayed"
    """Never from `verify()`: the node's replay set uses it."""
    FENCED = "fenced"
    """Never from `verify()`: a lower epoch than the node has seen for the stream."""


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
        (claims.protocol == WEBRTC[action], Reason.WRONG_PROTOCOL),
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
        action = Action(claims["act"])
        return Claims(
            node=_text(claims["aud"]),
            boot=_text(claims["boot"]),
            account=_text(claims["sub"]),
            stream=_text(claims["stream"]),
            session=_text(claims["jti"]),
            action=action,
            epoch=_whole(claims["ep"]),
            issued_at=_number(claims["nbf"]),
            expires_at=_number(claims["exp"]),
            tier=_text(claims.get("tier", "")),
            max_viewers=_whole(limits.get("viewers", 0)),
            max_kbps=_whole(limits.get("kbps", 0)),
            protocol=_text(claims.get("proto", WEBRTC[action])),
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
