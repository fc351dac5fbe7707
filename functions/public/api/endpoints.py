"""Every endpoint of the API in one table: what the OpenAPI document and the reference page are made from.

Facts only; which codes an endpoint can answer is listed here and checked against the registry by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from functions.account.models.dry_run import DryRunReply, DryRunRequest
from functions.account.models.keys import (
    CreateKeyRequest,
    KeyCreated,
    KeyRevoked,
    KeysReply,
    RotateKeyRequest,
    RotateTokenRequest,
    TokenCreated,
)
from functions.account.models.overview import AccountReply, RefusalsReply
from functions.account.models.usage import UsageReply
from functions.account.models.webhook import (
    RotateWebhookRequest,
    SetWebhookRequest,
    WebhookReply,
    WebhookSecret,
    WebhookTest,
)
from functions.admission.models import AnonymousReply, GrantReply, GrantRequest
from functions.hooks.models import MediaMtxReply, MediaMtxRequest
from functions.public.models import JwkSet, StreamState, Tiers
from shared import names
from shared.refusals import Code

Security = Literal["none", "stream key", "account token", "AWS IAM"]

_BUSY = (Code.NO_CAPACITY, Code.RATE_LIMITED, Code.UNAVAILABLE)
_PUBLISH = (
    Code.INVALID_KEY,
    Code.PROTOCOL_NOT_ALLOWED,
    Code.BANDWIDTH_EXCEEDED,
    Code.QUOTA_EXCEEDED,
    Code.KEY_ALREADY_IN_USE,
    Code.STREAM_LIMIT_REACHED,
)
_PLAY = (
    Code.STREAM_NOT_FOUND,
    Code.STREAM_OFFLINE,
    Code.VIEWER_LIMIT_REACHED,
    Code.BANDWIDTH_EXCEEDED,
    Code.QUOTA_EXCEEDED,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One path or query parameter."""

    name: str
    where: Literal["path", "query", "header"]
    about: str
    pattern: str | None = None
    required: bool = False
    """Of a query parameter or a header; those of a path always are."""


_KEY = Parameter("stream_key", "path", "The secret stream key, `live_…` or `anon_…`.", "^(live|anon)_[a-z2-7]{32}$")
_STREAM = Parameter("stream_id", "path", "The public stream id.", "^[a-z2-7]{16}$")
_FLAG = "^(?:[01]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo])?$"
"""`?force=1`, `?force=true` and `?force` alone set it; what is neither yes nor no is refused (`functions.edge.web`)."""
_FORCE = Parameter("force", "query", "`1` overrides a publisher that uses the key now.", _FLAG)
_WAIT = Parameter("wait", "query", "`1`: where nobody publishes, rather wait at a node than be told so.", _FLAG)
_IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    "header",
    "The same key again gets the same session: a retry after a lost answer takes no second slot.",
    r"^[!-+\--~](?:[ -+\--~]{0,253}[!-+\--~])?$",
)
_NODE = Parameter("node", "query", "The id of the MediaMTX, as its reporter reports it.", names.PATTERN, required=True)
_AT = Parameter("at", "query", "When, in seconds since the epoch; now if left out.", r"^[0-9]{1,12}(\.[0-9]{1,9})?$")
_REGION = Parameter("region", "query", "The region whose nodes are preferred.", names.PATTERN)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: Literal["get", "head", "options", "post", "put", "patch", "delete"]
    path: str
    group: Literal["Publish and watch", "Public", "Account", "Grants", "Pages", "Nodes", "Operator"]
    summary: str
    about: str
    status: int
    outcome: str
    """What the successful answer is, one sentence."""
    reply: type[BaseModel] | None = None
    media_type: str = "application/json"
    request: type[BaseModel] | None = None
    """The JSON body."""
    takes_offer: bool = False
    parameters: tuple[Parameter, ...] = ()
    security: Security = "none"
    refusals: tuple[Code, ...] = ()
    also: tuple[tuple[int, Code], ...] = ()
    """Codes that are answered under another status than the registry's."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the successful answer, with their meaning."""


_LOCATION = {"Location": "The node's URL with a single-use grant; post the same offer there (fetch and curl do)."}
_REDIRECTED = "Post the same offer to `Location`; that node answers 201 with the SDP answer."
_OFFER_STATUSES = ((413, Code.INVALID_REQUEST), (415, Code.INVALID_REQUEST))

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "post",
        "/{stream_key}/whip",
        "Publish and watch",
        "Publish by WHIP, key in the URL",
        "Body: the SDP offer (RFC 9725). The answer redirects to the node that will carry the stream.",
        307,
        _REDIRECTED,
        media_type="",
        takes_offer=True,
        parameters=(_KEY, _FORCE, _REGION, _IDEMPOTENCY),
        refusals=(Code.INVALID_REQUEST, *_PUBLISH, *_BUSY),
        also=_OFFER_STATUSES,
        headers=_LOCATION,
    ),
    Endpoint(
        "post",
        "/whip",
        "Publish and watch",
        "Publish by WHIP, key as bearer token",
        "As above, with `Authorization: Bearer {stream_key}`: the key is in no URL. OBS and the page do it so.",
        307,
        _REDIRECTED,
        media_type="",
        takes_offer=True,
        parameters=(_FORCE, _REGION, _IDEMPOTENCY),
        security="stream key",
        refusals=(Code.INVALID_REQUEST, *_PUBLISH, *_BUSY),
        also=_OFFER_STATUSES,
        headers=_LOCATION,
    ),
    Endpoint(
        "post",
        "/{stream_id}/whep",
        "Publish and watch",
        "Watch by WHEP",
        "Body: the SDP offer. The answer redirects to the node where the stream is live.",
        307,
        _REDIRECTED,
        media_type="",
        takes_offer=True,
        parameters=(_STREAM, _WAIT),
        refusals=(Code.INVALID_REQUEST, *_PLAY, Code.DRAINING, *_BUSY),
        also=_OFFER_STATUSES,
        headers=_LOCATION,
    ),
    Endpoint(
        "post",
        "/v1/anonymous",
        "Publish and watch",
        "A free stream key",
        "A fresh anonymous stream key and its stream id; limited per client address.",
        201,
        "The key (shown once), the stream id and both URLs.",
        reply=AnonymousReply,
        refusals=(Code.QUOTA_EXCEEDED, Code.RATE_LIMITED, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/grants",
        "Grants",
        "A grant for one session",
        "The decision behind the redirects, for servers and players that want it as JSON.",
        201,
        "The grant, the node's URL, the session id and the limits that hold.",
        reply=GrantReply,
        request=GrantRequest,
        refusals=(Code.INVALID_REQUEST, *_PUBLISH, *_PLAY, *_BUSY, Code.DRAINING),
        also=((413, Code.INVALID_REQUEST),),
    ),
    Endpoint(
        "post",
        "/v1/hooks/mediamtx",
        "Grants",
        "Admission for MediaMTX",
        "MediaMTX's `authHTTPAddress`: the path is the stream id, the key is the password (docs/mediamtx.md). Every refusal is 401.",
        200,
        "Let it in; the session, and the limits that hold.",
        reply=MediaMtxReply,
        request=MediaMtxRequest,
        parameters=(_NODE,),
        refusals=(Code.INVALID_REQUEST, Code.UNAVAILABLE),
        also=(
            *(
                (401, code)
                for code in (*_PUBLISH, *_PLAY, Code.FORBIDDEN, Code.RATE_LIMITED, Code.NO_CAPACITY, Code.DRAINING)
            ),
            (413, Code.INVALID_REQUEST),
        ),
    ),
    Endpoint(
        "get",
        "/v1/streams/{stream_id}",
        "Public",
        "The state of a stream",
        "Live or not, and how many watch.",
        200,
        "The state, a second or two old.",
        reply=StreamState,
        parameters=(_STREAM,),
        refusals=(Code.STREAM_NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint("get", "/v1/tiers", "Public", "The tiers", "What each tier may use.", 200, "The table.", reply=Tiers),
    Endpoint(
        "get",
        "/.well-known/jwks.json",
        "Public",
        "Public keys",
        "The keys with which anybody can verify a grant (EdDSA).",
        200,
        "A JWK Set.",
        reply=JwkSet,
        refusals=(Code.UNAVAILABLE,),
    ),
    Endpoint(
        "get",
        "/v1/account",
        "Account",
        "Limits, usage and live streams",
        "What the account may use, what it has used this month, and what it publishes now.",
        200,
        "The account.",
        reply=AccountReply,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/token",
        "Account",
        "Rotate the account token",
        "Another token. Those that open the account now do so for `overlap_seconds`, or no longer.",
        201,
        "The new token, shown this once.",
        reply=TokenCreated,
        request=RotateTokenRequest,
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
        also=((409, Code.INVALID_REQUEST),),
    ),
    Endpoint(
        "get",
        "/v1/account/keys",
        "Account",
        "Stream keys",
        "The account's keys without their secrets, with the stream that each publishes.",
        200,
        "The keys.",
        reply=KeysReply,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/keys",
        "Account",
        "A new stream key",
        "With a stream of its own; a label and the protocols that it may publish by.",
        201,
        "The key, shown this once, and its addresses.",
        reply=KeyCreated,
        request=CreateKeyRequest,
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.RATE_LIMITED, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/keys/{stream_id}/rotate",
        "Account",
        "Rotate a stream key",
        "A new secret for the same stream. The old one publishes for `overlap_seconds`, and its session ends with it.",
        201,
        "The new key, shown this once, and its addresses.",
        reply=KeyCreated,
        request=RotateKeyRequest,
        parameters=(_STREAM,),
        security="account token",
        refusals=(
            Code.INVALID_REQUEST,
            Code.UNAUTHORIZED,
            Code.FORBIDDEN,
            Code.NOT_FOUND,
            Code.RATE_LIMITED,
            Code.UNAVAILABLE,
        ),
    ),
    Endpoint(
        "delete",
        "/v1/account/keys/{stream_id}",
        "Account",
        "Revoke a stream key",
        "Now, or at a time; a session of the key ends with it.",
        200,
        "When the key is revoked.",
        reply=KeyRevoked,
        parameters=(_STREAM, _AT),
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint(
        "get",
        "/v1/account/usage",
        "Account",
        "Usage by day and by stream",
        "A month's bytes. The days add up to them exactly, and so do the streams; what no report assigned is named null.",
        200,
        "The month.",
        reply=UsageReply,
        parameters=(
            Parameter("month", "query", "The UTC month; this one if left out.", r"^[0-9]{4}-(0[1-9]|1[0-2])$"),
        ),
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/dry-run",
        "Account",
        "What would be answered now",
        "A publish or a play that is not done: what it would get now, and why. Nothing is taken or written.",
        200,
        "The outcome, and what decided it.",
        reply=DryRunReply,
        request=DryRunRequest,
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint(
        "get",
        "/v1/account/webhook",
        "Account",
        "The webhook",
        "Where the account's events are sent, and how the last delivery went (docs/events.md).",
        200,
        "The webhook, without its secret.",
        reply=WebhookReply,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint(
        "put",
        "/v1/account/webhook",
        "Account",
        "Set the webhook",
        "The first time it makes a secret, which is in no later answer; after that it changes where events are sent.",
        200,
        "The webhook.",
        reply=WebhookReply,
        request=SetWebhookRequest,
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
    ),
    Endpoint(
        "delete",
        "/v1/account/webhook",
        "Account",
        "Remove the webhook",
        "Nothing more is sent, also not what waits for another attempt. A webhook that is set again has another secret.",
        200,
        "The webhook that there was.",
        reply=WebhookReply,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/webhook/rotate",
        "Account",
        "Rotate the webhook's secret",
        "For `overlap_seconds` messages carry two signatures, by the new secret and by the old one.",
        201,
        "The new secret, shown this once.",
        reply=WebhookSecret,
        request=RotateWebhookRequest,
        security="account token",
        refusals=(Code.INVALID_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post",
        "/v1/account/webhook/test",
        "Account",
        "Test the webhook",
        "Sends a message of type `webhook.test` on the way of all others, whatever types were chosen.",
        202,
        "It is on its way.",
        reply=WebhookTest,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.RATE_LIMITED, Code.UNAVAILABLE),
    ),
    Endpoint(
        "get",
        "/v1/account/refusals",
        "Account",
        "Last refusals",
        "Why encoders that used the account's keys were turned away: OBS and FFmpeg throw the answer away.",
        200,
        "The last day's refusals of each key, newest first.",
        reply=RefusalsReply,
        security="account token",
        refusals=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.UNAVAILABLE),
    ),
)
