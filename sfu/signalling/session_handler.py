"""The session URL: `GET`, `HEAD`, `PATCH`, `DELETE`, `OPTIONS` on `/sessions/{secret}` (RFC 9725, sections 4.2 and 4.3).

The URL is the capability: no token is asked for here, since half of the clients would send none. PATCH is evaluated in
a fixed order (404, 415, 413, 400, precondition, action), so that one request has one answer.
"""

from base64 import b32encode

from aiohttp import web

from sfu.negotiation import IceCredentials
from sfu.sdp.fragment import SDPFRAG, Fragment, Meaning, meaning, parse_fragment, render_restart
from sfu.signalling.body import read_body, sdp_text
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.http_sessions import HttpSession
from sfu.signalling.preconditions import IfMatch, if_match
from sfu.signalling.replies import empty, method_not_allowed, options, refusal
from shared.end_reasons import EndReason
from shared.offers import media_type
from shared.refusals import Refused, invalid_request, not_found, rate_limited, unsupported_offer

METHODS = ("GET", "HEAD", "PATCH", "DELETE", "OPTIONS")
RESTART_SECONDS = 1.0
"""Between two ICE restarts of one session."""


class SessionHandler:
    """Answers the requests on the URLs of a node's sessions."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to a request of any method on a session URL."""
        secret = request.match_info["secret"]
        match request.method:
            case "OPTIONS":
                return options(request, METHODS, Accept_Patch=SDPFRAG)
            case "DELETE":
                return await self._delete(secret)
            case "PATCH":
                outcome = await self._patch(request, secret)
                return refusal(outcome) if isinstance(outcome, Refused) else outcome
            case "GET" | "HEAD":
                return self._get(request, secret)
            case method:
                return method_not_allowed(method, METHODS)

    def _get(self, request: web.Request, secret: str) -> web.Response:
        """No content, as RFC 9725 has it; how far the session came for a client that asks for JSON by name."""
        session = self._deps.sessions.find(secret)
        if session is None:
            return refusal(_gone())
        state = self._deps.state(session.id) if "application/json" in request.headers.get("Accept", "") else None
        if state is None:
            return empty(204, {"Cache-Control": "no-store"})
        return web.json_response(state, headers={"Cache-Control": "no-store"})

    async def _delete(self, secret: str) -> web.Response:
        """200 and no other success: OBS, simple-whip-client and MediaMTX take 204 for a failure. If-Match is ignored."""
        deps = self._deps
        session = deps.sessions.find(secret)
        if session is None:
            departed = deps.sessions.take_departed(secret, deps.now())
            return empty(200) if departed else refusal(_gone())
        deps.sessions.delete(session)
        deps.plane.end(session.id, EndReason.DELETE)
        if session.action == "publish":
            # So that the slot is free when the client hears that it is.
            await deps.until_end_is_known(session.id)
        return empty(200)

    async def _patch(self, request: web.Request, secret: str) -> web.Response | Refused:
        if self._deps.sessions.find(secret) is None:
            return _gone()
        if media_type(request.headers.get("Content-Type")) != SDPFRAG:
            return invalid_request(
                f"Send an SDP fragment with Content-Type: {SDPFRAG}.", status=415, headers={"Accept-Patch": SDPFRAG}
            )
        body = await read_body(request, self._deps.body_seconds)
        fragment = body if isinstance(body, Refused) else parse_fragment(sdp_text(body))
        if isinstance(fragment, Refused):
            return fragment
        # The session may have ended while the body was on its way.
        session = self._deps.sessions.find(secret)
        if session is None:
            return _gone()
        meant = meaning(fragment, ours=session.local.ufrag, theirs=session.remote.ufrag, former=session.former)
        if meant is Meaning.MALFORMED:
            return invalid_request("The fragment needs a=ice-ufrag and a=ice-pwd together, as RFC 8839 wants them.")
        condition = if_match(request.headers.get("If-Match"), session.etag)
        if condition is IfMatch.FAILS:
            return invalid_request("The session has changed: If-Match is not its current ETag.", status=412)
        # A fragment with our own credentials changes nothing, so nothing can be lost without a precondition; and VDO.Ninja's
        # viewer, which sends it, reconnects for ever after any error.
        if condition is IfMatch.MISSING and meant is not Meaning.OURS:
            return invalid_request("Send If-Match with the session's ETag, or *.", status=428)
        if meant is Meaning.RESTART:
            return self._restart(session, fragment)
        # Candidates are accepted and not needed: checks come to our one port, from wherever they come (ICE-lite).
        return empty(204)

    def _restart(self, session: HttpSession, fragment: Fragment) -> web.Response | Refused:
        deps = self._deps
        now = deps.now()
        refused = unsupported_offer("ICE cannot be restarted here; the session goes on as it is.")
        if deps.restarts is None or fragment.ufrag is None or fragment.pwd is None:
            return refused
        if now - session.restarted_at < RESTART_SECONDS:
            return rate_limited(1)
        local, remote = deps.plane.new_credentials(), IceCredentials(fragment.ufrag, fragment.pwd)
        if not deps.restarts.restart(session.id, local):
            return refused
        session.restart(local, remote, b32encode(deps.random_bytes(10)).decode().lower(), now)
        body = render_restart(session.negotiated.media, local, deps.plane.local.candidates)
        return web.Response(
            status=200, body=body.encode(), headers={"Content-Type": SDPFRAG, "ETag": f'"{session.etag}"'}
        )


def _gone() -> Refused:
    return not_found("There is no such session, or it has ended")
