"""The node's public HTTP application: which address leads to which handler, and what holds for every answer.

Every answer carries CORS fields, refusals included, and no failure of ours leaves as a 500: a bug is logged and the
client is told to come again.
"""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from sfu.signalling.cors import private_network
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.endpoint import OfferEndpoint
from sfu.signalling.replies import refusal
from sfu.signalling.session_handler import SessionHandler
from sfu.signalling.subscriptions import Subscriptions
from shared.cors import EVERY_ANSWER, OPTIONS_ANSWER
from shared.grants import Action
from shared.refusals import invalid_request, not_found, unavailable

log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(deps: Dependencies) -> web.Application:
    """The application that serves one node's clients."""
    app = web.Application(middlewares=[_never_a_500])
    whip, whep, sessions = OfferEndpoint(deps, Action.PUBLISH), OfferEndpoint(deps, Action.PLAY), SessionHandler(deps)
    events = Subscriptions(deps)
    routes: dict[str, _Handler] = {
        _slashed("/whip"): whip.handle,
        _slashed("/{id}/whip"): whip.handle,
        _slashed("/{id}/whep"): whep.handle,
        _slashed("/sessions/{secret}"): sessions.handle,
        _slashed("/sessions/{secret}/events"): events.handle_list,
        _slashed("/sessions/{secret}/events/{subscription}"): events.handle_one,
        "/{path:.*}": _nothing_here,
    }
    for path, handler in routes.items():
        # Every method comes to the handler, which knows its own; and "100 Continue" is `sfu.signalling.body`'s to say.
        app.router.add_route("*", path, handler, expect_handler=_say_nothing_yet)
    app.on_response_prepare.append(_add_fields)
    app.on_shutdown.append(events.close)
    return app


def _slashed(path: str) -> str:
    """The route *path* with slashes too many, at the end or where two parts were joined: people paste a base URL with one, and
    a redirect would lose the offer.
    """
    _, *parts = path.split("/")
    return "".join(f"/{{_{place}:/*}}{part}" for place, part in enumerate(parts)) + "{_:/*}"


async def _add_fields(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(EVERY_ANSWER)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.secure:
        # Where this node itself serves https; over http it must not be said (RFC 6797, section 7.2).
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    response.headers["Server"] = "sluice"  # and not which versions of what


async def _say_nothing_yet(_: web.Request) -> None:
    """Let a request be refused by its head; its body is asked for when it is wanted (RFC 9110, section 10.1.1)."""


async def _nothing_here(request: web.Request) -> web.Response:
    # A preflight is answered as everywhere, so that a page gets to read the 404.
    if request.method == "OPTIONS":
        return web.Response(headers={**OPTIONS_ANSWER, **private_network(request.headers)})
    return refusal(not_found())


@web.middleware
async def _never_a_500(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        # aiohttp's own, for a request that it cannot read any further.
        return refusal(invalid_request(f"The request cannot be served: {error.reason}.", status=error.status))
    except Exception:
        log.exception("a request failed through a bug of ours")
        return refusal(unavailable())
