"""The endpoints that the reference page leaves out: probes of WHIP and WHEP, pages, and what nodes and operators call.

The OpenAPI document has them, so that it says everything that the API answers; the page is for people who publish and
watch.
"""

from functions.admin.models import (
    AccountChange,
    AccountCreated,
    AccountList,
    AccountView,
    Done,
    KeyList,
    NewAccountRequest,
    NewKeyRequest,
    NodeList,
    OperatorKeyCreated,
    RefusalList,
    SessionList,
    UsageView,
)
from functions.public.api.endpoint import MONTH, STREAM, ApiEndpoint, ApiParameter
from shared import names
from shared.messages import Heartbeat, HeartbeatReply
from shared.refusals import Code

_KEY = ApiParameter("stream_key", "path", "As for POST; not looked at.")
_WATCHED = ApiParameter("stream_id", "path", "As for POST; not looked at.")
_ACCOUNT = ApiParameter("account", "path", "The account's id.", "^[a-z0-9-]{1,40}$")
_NODE = ApiParameter("node", "path", "The node's id.", names.PATTERN)
_SESSION = ApiParameter("session", "path", "The session's id.", names.PATTERN)
_AFTER = ApiParameter("after", "query", "The id that the page before ended with (`next`).", "^[a-z0-9-]{1,40}$")
_OF_ONE = (Code.NOT_FOUND, Code.UNAVAILABLE)
_CHANGE = (Code.INVALID_REQUEST, *_OF_ONE)


def _probes(path: str, parameters: tuple[ApiParameter, ...]) -> tuple[ApiEndpoint, ...]:
    """How a client finds out, before it posts an offer, that an address speaks WHIP or WHEP."""
    watching = path.endswith("/whep")
    status = 200 if watching else 204
    about = "No content. Other methods but POST are answered 405."
    found = "The address speaks WHEP." if watching else "The address speaks WHIP."
    return (
        *(
            ApiEndpoint(
                method, path, "Publish and watch", "Probe", about, status, found, media_type="", parameters=parameters
            )
            for method in ("get", "head")
        ),
        ApiEndpoint(
            "options", path, "Publish and watch", "Preflight", "CORS, and which type of body a POST takes.", 200,
            "`Accept-Post: application/sdp`.", media_type="", parameters=parameters,
        ),
    )  # fmt: skip


def _page(
    path: str, about: str, media_type: str, *parameters: ApiParameter, refusals: tuple[Code, ...] = ()
) -> ApiEndpoint:
    return ApiEndpoint(
        "get", path, "Pages", about, about, 200, about, media_type=media_type, parameters=parameters, refusals=refusals
    )


PROBES = (
    *_probes("/{stream_key}/whip", (_KEY,)),
    *_probes("/whip", ()),
    *_probes("/{stream_id}/whep", (_WATCHED,)),
)

PAGES = (
    _page("/", "The page to publish with.", "text/html"),
    _page(
        "/watch/{stream_id}", "The page to watch with.", "text/html",
        ApiParameter("stream_id", "path", "The public stream id; the page itself reads it."), refusals=(Code.NOT_FOUND,),
    ),
    _page(
        "/assets/{version}/{file}", "A file of the page.", "*/*",
        ApiParameter("version", "path", "Of the page that names it."), ApiParameter("file", "path", "Its name."),
        refusals=(Code.NOT_FOUND,),
    ),
    _page(
        "/assets/{version}/{folder}/{module}", "A module of the page.", "*/*",
        ApiParameter("version", "path", "Of the page that names it."), ApiParameter("folder", "path", "Its folder."),
        ApiParameter("module", "path", "Its name."), refusals=(Code.NOT_FOUND,),
    ),
    _page("/docs", "This API for people.", "text/html"),
    _page("/openapi.json", "This document.", "application/json"),
)  # fmt: skip

SIGNED = (
    ApiEndpoint(
        "post", "/v1/nodes/{node}/heartbeat", "Nodes", "A heartbeat", "What a node says every two seconds.", 200,
        "Commands, and the public keys.", reply=HeartbeatReply, request=Heartbeat, parameters=(_NODE,),
        security="AWS IAM", refusals=_CHANGE, also=((409, Code.INVALID_REQUEST),),
    ),
    ApiEndpoint(
        "get", "/v1/admin/accounts", "Operator", "Accounts", "Those that have an owner, 100 a page.", 200, "The accounts.",
        reply=AccountList, parameters=(_AFTER,), security="AWS IAM", refusals=(Code.INVALID_REQUEST, Code.UNAVAILABLE),
    ),
    ApiEndpoint(
        "post", "/v1/admin/accounts", "Operator", "A new account", "With its token.", 201,
        "The account; its token is shown this once.", reply=AccountCreated, request=NewAccountRequest,
        security="AWS IAM", refusals=(Code.INVALID_REQUEST, Code.UNAVAILABLE), also=((409, Code.INVALID_REQUEST),),
    ),
    ApiEndpoint(
        "get", "/v1/admin/accounts/{account}", "Operator", "An account", "Tier, limits, usage and slots.", 200,
        "The account.", reply=AccountView, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    ApiEndpoint(
        "patch", "/v1/admin/accounts/{account}", "Operator", "Change an account", "What is left out stays.", 200,
        "The account.", reply=AccountView, request=AccountChange, parameters=(_ACCOUNT,), security="AWS IAM",
        refusals=_CHANGE,
    ),
    ApiEndpoint(
        "delete", "/v1/admin/accounts/{account}", "Operator", "Delete an account",
        "Its keys, streams, token and webhook; its bytes stay. What runs ends. `deleting`: ask again, there is more.", 200,
        "Done.", reply=Done, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    ApiEndpoint(
        "get", "/v1/admin/accounts/{account}/usage", "Operator", "Usage", "A month's bytes, node by node.", 200,
        "The bytes.", reply=UsageView, parameters=(_ACCOUNT, MONTH), security="AWS IAM", refusals=_CHANGE,
    ),
    ApiEndpoint(
        "get", "/v1/admin/accounts/{account}/keys", "Operator", "Stream keys", "Revoked ones too.", 200, "The keys.",
        reply=KeyList, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    ApiEndpoint(
        "post", "/v1/admin/accounts/{account}/keys", "Operator", "A new stream key", "With a stream of its own.", 201,
        "The key, shown this once.", reply=OperatorKeyCreated, request=NewKeyRequest, parameters=(_ACCOUNT,),
        security="AWS IAM", refusals=_CHANGE,
    ),
    ApiEndpoint(
        "delete", "/v1/admin/accounts/{account}/keys/{stream_id}", "Operator", "Revoke a stream key",
        "Now; its session ends with it.", 200, "Done.", reply=Done, parameters=(_ACCOUNT, STREAM), security="AWS IAM",
        refusals=_OF_ONE,
    ),
    ApiEndpoint(
        "get", "/v1/admin/accounts/{account}/refusals", "Operator", "Refusals",
        "Those of each key within a day, newest first.", 200, "The refusals.", reply=RefusalList, parameters=(_ACCOUNT,),
        security="AWS IAM", refusals=_OF_ONE,
    ),
    ApiEndpoint(
        "get", "/v1/admin/nodes", "Operator", "Nodes", "Those that were heard of lately.", 200, "The nodes.",
        reply=NodeList, security="AWS IAM", refusals=(Code.UNAVAILABLE,),
    ),
    *(
        ApiEndpoint(
            "post", f"/v1/admin/nodes/{{node}}/{verb}", "Operator", summary, summary, 200, "Done.", reply=Done,
            parameters=(_NODE,), security="AWS IAM", refusals=_OF_ONE,
        )
        for verb, summary in (("drain", "Keep new sessions away from a node."), ("undrain", "Let them come again."))
    ),
    ApiEndpoint(
        "get", "/v1/admin/sessions", "Operator", "Sessions", "All running publish sessions.", 200, "The sessions.",
        reply=SessionList, security="AWS IAM", refusals=(Code.UNAVAILABLE,),
    ),
    ApiEndpoint(
        "delete", "/v1/admin/sessions/{session}", "Operator", "End a session", "By its node's next heartbeat.", 200,
        "Done.", reply=Done, parameters=(_SESSION,), security="AWS IAM", refusals=_OF_ONE,
    ),
)  # fmt: skip

UNLISTED_ENDPOINTS: tuple[ApiEndpoint, ...] = (*PROBES, *PAGES, *SIGNED)
