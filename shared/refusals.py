"""Every refusal of Sluice: one registry of codes, and the values that API and nodes answer with.

A refusal is a value, never an exception. The seven documented codes keep their documented status, wording and fields
to the letter (`tests/shared/golden/`); the others are ours. The reference page is generated from `REGISTRY`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from shared.months import GB


class Code(StrEnum):
    """The machine-readable `code` of a refusal."""

    INVALID_KEY = "INVALID_KEY"
    STREAM_LIMIT_REACHED = "STREAM_LIMIT_REACHED"
    BANDWIDTH_EXCEEDED = "BANDWIDTH_EXCEEDED"
    KEY_ALREADY_IN_USE = "KEY_ALREADY_IN_USE"
    PROTOCOL_NOT_ALLOWED = "PROTOCOL_NOT_ALLOWED"
    VIEWER_LIMIT_REACHED = "VIEWER_LIMIT_REACHED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    STREAM_NOT_FOUND = "STREAM_NOT_FOUND"
    STREAM_OFFLINE = "STREAM_OFFLINE"
    INVALID_GRANT = "INVALID_GRANT"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNSUPPORTED_OFFER = "UNSUPPORTED_OFFER"
    RATE_LIMITED = "RATE_LIMITED"
    NO_CAPACITY = "NO_CAPACITY"
    DRAINING = "DRAINING"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    UNAVAILABLE = "UNAVAILABLE"
    BITRATE_EXCEEDED = "BITRATE_EXCEEDED"


class Retry(StrEnum):
    """What a client should do after a refusal without asking a person."""

    NO = "no"
    """The same request will be refused again."""
    LATER = "later"
    """Waiting helps; `Retry-After` says how long where it is known."""
    ASK = "ask"
    """A person may choose a fallback: override, another key, the free servers."""


@dataclass(frozen=True, slots=True)
class Definition:
    """How a code is answered and explained: one row of the registry."""

    status: int
    wording: str
    """The `error` text; a `str.format` template over `fields` and what the constructor computes."""
    fields: tuple[str, ...] = ()
    """Context fields of the body, in order."""
    retry: Retry = Retry.NO
    retry_after: int | None = None
    """Default `Retry-After`, in seconds."""
    documented: bool = False
    """Whether the Meshcast contract fixes status, wording and fields."""
    action: str = ""
    """What a person should do, one sentence, for the page and the reference."""


REGISTRY: Mapping[Code, Definition] = MappingProxyType(
    {
        Code.INVALID_KEY: Definition(
            401,
            "Invalid stream key",
            documented=True,
            action="Check the key on your dashboard; retrying with the same key does not help.",
        ),
        Code.STREAM_LIMIT_REACHED: Definition(
            429,
            "Maximum concurrent streams ({limit}) reached",
            ("current", "limit"),
            Retry.ASK,
            documented=True,
            action="Stop another stream of the account, or retry with the free servers.",
        ),
        Code.BANDWIDTH_EXCEEDED: Definition(
            429,
            "Bandwidth limit reached ({used}/{quota} GB)",
            ("percentage_used",),
            Retry.ASK,
            documented=True,
            action="Wait for the next month, raise the tier, or retry with the free servers.",
        ),
        Code.KEY_ALREADY_IN_USE: Definition(
            409,
            "Stream key already in use",
            ("detail", "server"),
            Retry.ASK,
            documented=True,
            action="Stop the other publisher, override it with ?force=1, or use a different key.",
        ),
        Code.PROTOCOL_NOT_ALLOWED: Definition(
            403,
            "Protocol {protocol} requires an account",
            ("protocol", "tier"),
            documented=True,
            action="Sign in for RTMP, SRT and HLS; without an account publish by WHIP and watch by WHEP.",
        ),
        Code.VIEWER_LIMIT_REACHED: Definition(
            403,
            "Viewer limit ({limit}) reached",
            ("current", "limit"),
            Retry.LATER,
            documented=True,
            action="Try again when a viewer has left, or ask the streamer for a larger tier.",
        ),
        Code.QUOTA_EXCEEDED: Definition(
            429,
            "Anonymous bandwidth quota exceeded",
            retry=Retry.ASK,
            documented=True,
            action="Create an account, or wait for the next month.",
        ),
        Code.STREAM_NOT_FOUND: Definition(
            404, "There is no stream with this id", action="Check the watch link with the streamer."
        ),
        Code.STREAM_OFFLINE: Definition(
            409,
            "The stream is offline",
            retry=Retry.LATER,
            retry_after=3,
            action="Wait for the streamer to begin; players may ask again after Retry-After seconds.",
        ),
        Code.INVALID_GRANT: Definition(
            401,
            "The grant is missing or not valid here",
            action="Ask the API for a fresh grant by posting the offer to it again; a grant serves once, for seconds.",
        ),
        Code.INVALID_REQUEST: Definition(
            400,
            "{error}",
            ("field",),
            action="Correct the request as the error says; it will be refused again as it is.",
        ),
        Code.UNSUPPORTED_OFFER: Definition(
            422, "{error}", action="Offer what the error names: one audio and one video section, and a common codec."
        ),
        Code.RATE_LIMITED: Definition(
            429, "Too many requests", retry=Retry.LATER, retry_after=10, action="Wait Retry-After seconds."
        ),
        Code.NO_CAPACITY: Definition(
            503,
            "No server has room for this session now",
            retry=Retry.LATER,
            retry_after=5,
            action="Try again after Retry-After seconds.",
        ),
        Code.DRAINING: Definition(
            503,
            "This server is being stopped and takes no new sessions",
            retry=Retry.LATER,
            retry_after=2,
            action="Post to the API again; it chooses another server.",
        ),
        Code.UNAUTHORIZED: Definition(
            401,
            "This needs an account token",
            action="Send Authorization: Bearer with the account's token.",
        ),
        Code.FORBIDDEN: Definition(403, "{error}", action="Use credentials that are allowed to do this."),
        Code.NOT_FOUND: Definition(404, "{error}", action="Check the address; /docs lists every endpoint."),
        Code.UNAVAILABLE: Definition(
            503,
            "The service cannot decide right now",
            retry=Retry.LATER,
            retry_after=2,
            action="Try again after Retry-After seconds; sessions that are running go on.",
        ),
        Code.BITRATE_EXCEEDED: Definition(
            403,
            "The encoder sent more than {limit_kbps} kbit/s for too long",
            ("limit_kbps",),
            Retry.ASK,
            action="Lower the encoder's bitrate, or raise the tier. A running session ends with this code, as a rule not "
            "within an answer: read it among the key's last refusals.",
        ),
    }
)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal: what to answer, the same from the API and from a node."""

    code: Code
    error: str
    """The sentence for a person."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The code's context fields, in the order of the registry."""
    status: int = 0
    retry_after: int | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.status:
            object.__setattr__(self, "status", REGISTRY[self.code].status)

    def body(self) -> dict[str, Any]:
        """The documented body: `error`, `code`, then the context."""
        return {"error": self.error, "code": self.code.value, **self.context}

    def json(self) -> bytes:
        """`body()` as it goes over the wire: JSON in UTF-8."""
        return json.dumps(self.body(), ensure_ascii=False).encode()

    def headers(self) -> dict[str, str]:
        """Content-Type, `Retry-After` where waiting helps, and what the status prescribes. CORS is the server's."""
        fields = {"Content-Type": "application/json", "Cache-Control": "no-store", **self.extra_headers}
        if self.retry_after is not None:
            fields["Retry-After"] = str(self.retry_after)
        if self.status == 401 and "WWW-Authenticate" not in fields:
            fields["WWW-Authenticate"] = 'Bearer realm="sluice"'
        return fields


def _refuse(code: Code, context: Mapping[str, Any] | None = None, **words: object) -> Refused:
    definition = REGISTRY[code]
    context = context or {}
    return Refused(code, definition.wording.format(**context, **words), context, retry_after=definition.retry_after)


def gigabytes(amount: int) -> str:
    """Bytes as the contract prints quotas: `50`, `1000`, and `0.5` only where an override is no whole number."""
    return f"{amount / GB:.9f}".rstrip("0").rstrip(".")


def percentage_used(used_bytes: int, quota_bytes: int) -> float:
    """Use against quota in percent, one decimal; a quota of nothing is used up."""
    return round(100 * used_bytes / quota_bytes, 1) if quota_bytes else 100.0


def invalid_key() -> Refused:
    """The key does not exist, was revoked, or never was a key: one answer, no hint which."""
    return _refuse(Code.INVALID_KEY)


def stream_limit_reached(current: int, limit: int) -> Refused:
    """The account publishes *current* streams and may publish *limit*."""
    return _refuse(Code.STREAM_LIMIT_REACHED, {"current": current, "limit": limit})


def bandwidth_exceeded(used_bytes: int, quota_bytes: int) -> Refused:
    """The account has used its month's bandwidth."""
    return _refuse(
        Code.BANDWIDTH_EXCEEDED,
        {"percentage_used": percentage_used(used_bytes, quota_bytes)},
        used=f"{used_bytes / GB:.1f}",
        quota=gigabytes(quota_bytes),
    )


def key_already_in_use(server: str, retry_after: int | None = None) -> Refused:
    """The key publishes already, on node *server*; *retry_after* where forcing is damped or silence is being waited for."""
    refused = _refuse(Code.KEY_ALREADY_IN_USE, {"detail": "Use ?force=1 to override.", "server": server})
    return refused if retry_after is None else _after(refused, retry_after)


def protocol_not_allowed(protocol: str, tier: str) -> Refused:
    """The tier may not use *protocol*."""
    return _refuse(Code.PROTOCOL_NOT_ALLOWED, {"protocol": protocol, "tier": str(tier)})


def viewer_limit_reached(current: int, limit: int) -> Refused:
    """The stream has *current* viewers and may have *limit*."""
    return _refuse(Code.VIEWER_LIMIT_REACHED, {"current": current, "limit": limit})


def quota_exceeded() -> Refused:
    """An anonymous session has used its bandwidth."""
    return _refuse(Code.QUOTA_EXCEEDED)


def stream_not_found() -> Refused:
    """No stream has this id."""
    return _refuse(Code.STREAM_NOT_FOUND)


def stream_offline() -> Refused:
    """The stream exists and nobody publishes it now (WHEP draft, section 4.2.8)."""
    return _refuse(Code.STREAM_OFFLINE)


def invalid_grant() -> Refused:
    """One answer for every reason; the log has the reason."""
    return _refuse(Code.INVALID_GRANT)


def invalid_request(
    error: str, field_name: str | None = None, *, status: int = 400, headers: Mapping[str, str] = _NO_HEADERS
) -> Refused:
    """The request cannot be understood: *error* says what to do; *status* where HTTP has a closer one than 400."""
    context = {} if field_name is None else {"field": field_name}
    return Refused(Code.INVALID_REQUEST, error, context, status, extra_headers=headers)


def unsupported_offer(error: str, **context: Any) -> Refused:
    """The SDP parses and cannot be served (RFC 9725, section 4.4)."""
    return Refused(Code.UNSUPPORTED_OFFER, error, context)


def rate_limited(retry_after: int) -> Refused:
    """This client asks too often; in *retry_after* seconds it may ask again."""
    return _after(_refuse(Code.RATE_LIMITED), retry_after)


def no_capacity() -> Refused:
    """No fresh serving node has room."""
    return _refuse(Code.NO_CAPACITY)


def draining() -> Refused:
    """This node is being stopped."""
    return _refuse(Code.DRAINING)


def unauthorized() -> Refused:
    """The account token is missing or wrong."""
    return _refuse(Code.UNAUTHORIZED)


def forbidden(error: str) -> Refused:
    """The caller is known and may not do this: *error* says why."""
    return _refuse(Code.FORBIDDEN, error=error)


def not_found(error: str = "There is nothing at this address") -> Refused:
    """There is no such endpoint or item, or not for this caller."""
    return _refuse(Code.NOT_FOUND, error=error)


def unavailable() -> Refused:
    """A store or a peer that the decision needs does not answer."""
    return _refuse(Code.UNAVAILABLE)


def bitrate_exceeded(limit_kbps: int) -> Refused:
    """A publisher was warned by REMB, and went on sending more than *limit_kbps*."""
    return _refuse(Code.BITRATE_EXCEEDED, {"limit_kbps": limit_kbps})


def _after(refused: Refused, seconds: int) -> Refused:
    return Refused(refused.code, refused.error, refused.context, refused.status, max(1, seconds), refused.extra_headers)
