"""Turns values into HTTP responses: refusals, the API's refusals, and the few answers without a body."""

from collections.abc import Iterable, Mapping

from aiohttp import web
from multidict import CIMultiDict

from sfu.signalling.cors import is_preflight, private_network
from sfu.signalling.ice_servers import IceServer
from sfu.signalling.wanted_grant import ApiRefusal
from shared.cors import OPTIONS_ANSWER
from shared.offers import SDP
from shared.refusals import Refused, invalid_request


def refusal(refused: Refused) -> web.Response:
    """The answer that `shared.refusals` documents: status, body and the fields that belong to them."""
    return web.Response(status=refused.status, body=refused.json(), headers=refused.headers())


def api_refusal(answer: ApiRefusal) -> web.Response:
    """The API's refusal, its status and body unchanged."""
    return web.Response(status=answer.status, body=answer.body, headers={**answer.headers, "Cache-Control": "no-store"})


def empty(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer of *status* without content."""
    return web.Response(status=status, headers=headers)


def method_not_allowed(method: str, allowed: Iterable[str]) -> web.Response:
    """405 with `Allow` (RFC 9110, section 15.5.6)."""
    allow = ", ".join(allowed)
    shown = method if len(method) <= 16 else "This method"
    return refusal(
        invalid_request(f"{shown} is not for this address. Use {allow}.", status=405, headers={"Allow": allow})
    )


def options(
    request: web.Request, allowed: Iterable[str], ice_servers: Iterable[IceServer] = (), **more: str
) -> web.Response:
    """The answer to OPTIONS, preflight or not; never refused, because a preflight carries no credentials.

    ICE servers without a password are linked where a client asks for itself: MediaMTX's clients look for them here.
    TURN passwords are for admitted clients alone (RFC 9725, section 4.6).
    """
    headers: CIMultiDict[str] = CIMultiDict(OPTIONS_ANSWER)
    headers.update({"Allow": ", ".join(allowed), "Accept-Post": SDP, **private_network(request.headers)})
    headers.update({name.replace("_", "-"): value for name, value in more.items()})
    if not is_preflight(request.method, request.headers):
        for server in ice_servers:
            if not server.secret:
                headers.add("Link", server.link())
    return web.Response(status=200, headers=headers)
