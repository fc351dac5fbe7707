"""The endpoints that clients and servers of media call: publish, watch, and look."""

from functions.admission.models import AnonymousReply, GrantReply, GrantRequest
from functions.hooks.models import MediaMtxReply, MediaMtxRequest
from functions.public.api.endpoint import STREAM, ApiEndpoint, ApiParameter
from functions.public.models import JwkSet, StreamState, Tiers
from shared import names
from shared.refusals import Code

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

_KEY = ApiParameter("stream_key", "path", "The secret stream key, `live_…` or `anon_…`.", "^(live|anon)_[a-z2-7]{32}$")
_FLAG = "^(?:[01]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo])?$"
"""`?force=1`, `?force=true` and `?force` alone set it; what is neither yes nor no is refused (`functions.edge.web`)."""
_FORCE = ApiParameter("force", "query", "`1` overrides a publisher that uses the key now.", _FLAG)
_WAIT = ApiParameter("wait", "query", "`1`: where nobody publishes, rather wait at a node than be told so.", _FLAG)
_IDEMPOTENCY = ApiParameter(
    "Idempotency-Key",
    "header",
    "The same key again gets the same session: a retry after a lost answer takes no second slot.",
    r"^[!-+\--~](?:[ -+\--~]{0,253}[!-+\--~])?$",
)
_NODE = ApiParameter(
    "node", "query", "The id of the MediaMTX, as its reporter reports it.", names.PATTERN, required=True
)
_REGION = ApiParameter("region", "query", "The region whose nodes are preferred.", names.PATTERN)

_LOCATION = {"Location": "The node's URL with a single-use grant; post the same offer there (fetch and curl do)."}
_REDIRECTED = "Post the same offer to `Location`; that node answers 201 with the SDP answer."
_OFFER_STATUSES = ((413, Code.INVALID_REQUEST), (415, Code.INVALID_REQUEST))

CLIENT_ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint(
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
    ApiEndpoint(
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
    ApiEndpoint(
        "post",
        "/{stream_id}/whep",
        "Publish and watch",
        "Watch by WHEP",
        "Body: the SDP offer. The answer redirects to the node where the stream is live.",
        307,
        _REDIRECTED,
        media_type="",
        takes_offer=True,
        parameters=(STREAM, _WAIT),
        refusals=(Code.INVALID_REQUEST, *_PLAY, Code.DRAINING, *_BUSY),
        also=_OFFER_STATUSES,
        headers=_LOCATION,
    ),
    ApiEndpoint(
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
    ApiEndpoint(
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
    ApiEndpoint(
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
    ApiEndpoint(
        "get",
        "/v1/streams/{stream_id}",
        "Public",
        "The state of a stream",
        "Live or not, and how many watch.",
        200,
        "The state, a second or two old.",
        reply=StreamState,
        parameters=(STREAM,),
        refusals=(Code.STREAM_NOT_FOUND, Code.UNAVAILABLE),
    ),
    ApiEndpoint("get", "/v1/tiers", "Public", "The tiers", "What each tier may use.", 200, "The table.", reply=Tiers),
    ApiEndpoint(
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
)
