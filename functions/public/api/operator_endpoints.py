"""The endpoints that no integrator calls: probes of WHIP and WHEP, pages, and what IAM guards (nodes, operators).

In the OpenAPI document, so that it says everything that the API answers; not on the reference page, which is for people
who publish and watch.
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
from functions.public.api.endpoints import Endpoint, Parameter
from shared import names
from shared.messages import Heartbeat, HeartbeatReply
from shared.refusals import Code

_KEY = Parameter("stream_key", "path", "As for POST; not looked at.")
_WATCHED = Parameter("stream_id", "path", "As for POST; not looked at.")
_STREAM = Parameter("stream_id", "path", "The public stream id.", "^[a-z2-7]{16}$")
_ACCOUNT = Parameter("account", "path", "The account's id.", "^[a-z0-9-]{1,40}$")
_NODE = Parameter("node", "path", "The node's id.", names.PATTERN)
_SESSION = Parameter("session", "path", "The session's id.", names.PATTERN)
_AFTER = Parameter("after", "query", "The id that the page before ended with (`next`).", "^[a-z0-9-]{1,40}$")
_MONTH = Parameter("month", "query", "The UTC month; this one if left out.", r"^[0-9]{4}-(0[1-9]|1[0-2])$")
_OF_ONE = (Code.NOT_FOUND, Code.UNAVAILABLE)
_CHANGE = (Code.INVALID_REQUEST, *_OF_ONE)


def _probes(path: str, parameters: tuple[Parameter, ...]) -> tuple[Endpoint, ...]:
    """How a client finds out, before it posts an offer, that an address speaks WHIP or WHEP."""
    watching = path.endswith("/whep")
    status = 200 if watching else 204
    about = "No content. Other methods but POST are answered 405."
    found = "The address speaks WHEP." if watching else "The address speaks WHIP."
    return (
        *(
            Endpoint(
                method, path, "Publish and watch", "Probe", about, status, found, media_type="", parameters=parameters
            )
            for method in ("get", "head")
        ),
        Endpoint(
            "options", path, "Publish and watch", "Preflight", "CORS, and which type of body a POST takes.", 200,
            "`Accept-Post: application/sdp`.", media_type="", parameters=parameters,
        ),
    )  # fmt: skip


def _page(path: str, about: str, media_type: str, *parameters: Parameter, refusals: tuple[Code, ...] = ()) -> Endpoint:
    return Endpoint(
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
        Parameter("stream_id", "path", "The public stream id; the page itself reads it."), refusals=(Code.NOT_FOUND,),
    ),
    _page(
        "/assets/{version}/{file}", "A file of the page.", "*/*",
        Parameter("version", "path", "Of the page that names it."), Parameter("file", "path", "Its name."),
        refusals=(Code.NOT_FOUND,),
    ),
    _page(
        "/assets/{version}/{folder}/{module}", "A module of the page.", "*/*",
        Parameter("version", "path", "Of the page that names it."), Parameter("folder", "path", "Its folder."),
        Parameter("module", "path", "Its name."), refusals=(Code.NOT_FOUND,),
    ),
    _page("/docs", "This API for people.", "text/html"),
    _page("/openapi.json", "This document.", "application/json"),
)  # fmt: skip

SIGNED = (
    Endpoint(
        "post", "/v1/nodes/{node}/heartbeat", "Nodes", "A heartbeat", "What a node says every two seconds.", 200,
        "Commands, and the public keys.", reply=HeartbeatReply, request=Heartbeat, parameters=(_NODE,),
        security="AWS IAM", refusals=_CHANGE, also=((409, Code.INVALID_REQUEST),),
    ),
    Endpoint(
        "get", "/v1/admin/accounts", "Operator", "Accounts", "Those that have an owner, 100 a page.", 200, "The accounts.",
        reply=AccountList, parameters=(_AFTER,), security="AWS IAM", refusals=(Code.INVALID_REQUEST, Code.UNAVAILABLE),
    ),
    Endpoint(
        "post", "/v1/admin/accounts", "Operator", "A new account", "With its token.", 201,
        "The account; its token is shown this once.", reply=AccountCreated, request=NewAccountRequest,
        security="AWS IAM", refusals=(Code.INVALID_REQUEST, Code.UNAVAILABLE), also=((409, Code.INVALID_REQUEST),),
    ),
    Endpoint(
        "get", "/v1/admin/accounts/{account}", "Operator", "An account", "Tier, limits, usage and slots.", 200,
        "The account.", reply=AccountView, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    Endpoint(
        "patch", "/v1/admin/accounts/{account}", "Operator", "Change an account", "What is left out stays.", 200,
        "The account.", reply=AccountView, request=AccountChange, parameters=(_ACCOUNT,), security="AWS IAM",
        refusals=_CHANGE,
    ),
    Endpoint(
        "delete", "/v1/admin/accounts/{account}", "Operator", "Delete an account",
        "Its keys, streams, token and webhook; its bytes stay. What runs ends. `deleting`: ask again, there is more.", 200,
        "Done.", reply=Done, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    Endpoint(
        "get", "/v1/admin/accounts/{account}/usage", "Operator", "Usage", "A month's bytes, node by node.", 200,
        "The bytes.", reply=UsageView, parameters=(_ACCOUNT, _MONTH), security="AWS IAM", refusals=_CHANGE,
    ),
    Endpoint(
        "get", "/v1/admin/accounts/{account}/keys", "Operator", "Stream keys", "Revoked ones too.", 200, "The keys.",
        reply=KeyList, parameters=(_ACCOUNT,), security="AWS IAM", refusals=_OF_ONE,
    ),
    Endpoint(
        "post", "/v1/admin/accounts/{account}/keys", "Operator", "A new stream key", "With a stream of its own.", 201,
        "The key, shown this once.", reply=OperatorKeyCreated, request=NewKeyRequest, parameters=(_ACCOUNT,),
        security="AWS IAM", refusals=_CHANGE,
    ),
    Endpoint(
        "delete", "/v1/admin/accounts/{account}/keys/{stream_id}", "Operator", "Revoke a stream key",
        "Now; its session ends with it.", 200, "Done.", reply=Done, parameters=(_ACCOUNT, _STREAM), security="AWS IAM",
        refusals=_OF_ONE,
    ),
    Endpoint(
        "get", "/v1/admin/accounts/{account}/refusals", "Operator", "Refusals",
        "Those of each key within a day, newest first.", 200, "The refusals.", reply=RefusalList, parameters=(_ACCOUNT,),
        security="AWS IAM", refusals=_OF_ONE,
    ),
    Endpoint(
        "get", "/v1/admin/nodes", "Operator", "Nodes", "Those that were heard of lately.", 200, "The nodes.",
        reply=NodeList, security="AWS IAM", refusals=(Code.UNAVAILABLE,),
    ),
    *(
        Endpoint(
            "post", f"/v1/admin/nodes/{{node}}/{verb}", "Operator", summary, summary, 200, "Done.", reply=Done,
            parameters=(_NODE,), security="AWS IAM", refusals=_OF_ONE,
        )
        for verb, summary in (("drain", "Keep new sessions away from a node."), ("undrain", "Let them come again."))
    ),
    Endpoint(
        "get", "/v1/admin/sessions", "Operator", "Sessions", "All running publish sessions.", 200, "The sessions.",
        reply=SessionList, security="AWS IAM", refusals=(Code.UNAVAILABLE,),
    ),
    Endpoint(
        "delete", "/v1/admin/sessions/{session}", "Operator", "End a session", "By its node's next heartbeat.", 200,
        "Done.", reply=Done, parameters=(_SESSION,), security="AWS IAM", refusals=_OF_ONE,
    ),
)  # fmt: skip

FURTHER: tuple[Endpoint, ...] = (*PROBES, *PAGES, *SIGNED)
