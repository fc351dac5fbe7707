"""The WHIP and WHEP endpoints of a node: `/{id}/whip`, `/whip`, `/{id}/whep` (RFC 9725, section 4.2; WHEP draft, 4.2).

A POST begins a session only with a grant that `sfu.control.authorize` admits: the client's own, or one that the API gives for
its stream key or stream id. A grant that was used up without a session is reported, so that its slot is free at once.
"""

import logging
from dataclasses import replace
from math import ceil
from urllib.parse import quote

from aiohttp import web

from sfu.sdp.offer import Offer, parse_offer
from sfu.signalling.body import read_body, sdp_text
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.forwarded import origin_of, subscriber
from sfu.signalling.permission import PresentedGrant, read_permission, would_wait
from sfu.signalling.replies import api_refusal, empty, method_not_allowed, options, refusal
from sfu.signalling.session_start import Client, start_session
from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.grants import Action
from shared.offers import SDP, check_body
from shared.refusals import Refused, draining, invalid_grant, rate_limited
from shared.verifier import Reason, VerifiedGrant

log = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_BAD_TOKEN = {"WWW-Authenticate": 'Bearer realm="sluice", error="invalid_token"'}


class OfferEndpoint:
    """Takes the offers of one action: publishers' at the WHIP endpoints, viewers' at the WHEP endpoints."""

    def __init__(self, deps: Dependencies, action: Action) -> None:
        self._deps = deps
        self._action = action

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to a request of any method on the endpoint."""
        match request.method:
            case "POST":
                return await self._post(request)
            case "OPTIONS":
                return options(request, METHODS, self._deps.ice_servers)
            case "GET" | "HEAD":
                # Says nothing of the stream: neither a challenge nor an oracle. WHEP discovery looks at the type.
                if self._action is Action.PUBLISH:
                    return empty(204)
                # The length in words, because aiohttp leaves it out of an answer to HEAD.
                return empty(200, {"Content-Type": SDP, "Content-Length": "0"})
            case method:
                return method_not_allowed(method, METHODS)

    async def _post(self, request: web.Request) -> web.Response:
        permission = read_permission(
            self._action, request.match_info.get("id"), request.query, request.headers.get("Authorization")
        )
        client = self._client(request)
        if isinstance(permission, PresentedGrant):
            outcome = await self._with_grant(request, permission, client)
        elif isinstance(permission, WantedGrant):
            outcome = await self._without_grant(request, permission, client)
        else:
            outcome = permission
        if isinstance(outcome, Refused):
            self._count(outcome.code.value)
            return refusal(outcome)
        return outcome

    async def _with_grant(
        self, request: web.Request, presented: PresentedGrant, client: Client
    ) -> web.Response | Refused:
        """The grant comes before the offer: whoever has none makes us read no body. A grant that was admitted is used up."""
        grant = self._admit(presented)
        if isinstance(grant, Refused):
            return grant
        offer = draining() if self._deps.draining() else await self._read_offer(request)
        return self._start(grant, offer, client)

    async def _without_grant(self, request: web.Request, wanted: WantedGrant, client: Client) -> web.Response | Refused:
        """The offer comes before the API: a broken one takes no slot from anybody."""
        if self._deps.draining():
            return draining()
        seconds = self._deps.limit.take(subscriber(client.address), self._deps.now())
        if seconds > 0:
            return rate_limited(ceil(seconds))
        offer = await self._read_offer(request)
        if isinstance(offer, Refused):
            return offer
        answer = await self._deps.request_grant(wanted)
        if isinstance(answer, Refused):
            return answer
        if isinstance(answer, ApiRefusal):
            self._count("passed_through")
            return api_refusal(answer)
        if answer.node != self._deps.node_id:
            self._count("redirected")
            return _redirect(answer, wait=wanted.wait)
        grant = self._admit(PresentedGrant(answer.grant, answer.stream))
        if isinstance(grant, Refused):
            return grant
        return self._start(grant, offer, client)

    def _admit(self, presented: PresentedGrant) -> VerifiedGrant | Refused:
        outcome = self._deps.authorizer.admit(
            presented.token, action=self._action, stream=presented.stream, now=self._deps.now()
        )
        if isinstance(outcome, VerifiedGrant):
            return outcome
        log.info("grant rejected", extra={"reason": outcome.reason.value, "action": self._action.value})
        if outcome.reason is Reason.MISSING:
            return invalid_grant()
        return replace(invalid_grant(), extra_headers=_BAD_TOKEN)

    async def _read_offer(self, request: web.Request) -> Offer | Refused:
        body = await read_body(request, self._deps.body_seconds)
        if isinstance(body, Refused):
            return body
        return check_body(request.headers.get("Content-Type"), body) or parse_offer(sdp_text(body))

    def _start(self, grant: VerifiedGrant, offer: Offer | Refused, client: Client) -> web.Response | Refused:
        """The 201 of a session that began, or the refusal, by which the slot of *grant* is given back."""
        outcome = offer if isinstance(offer, Refused) else start_session(self._deps, grant, offer, client)
        if isinstance(outcome, Refused):
            self._deps.on_refused(grant, outcome.code.value)
        else:
            self._count("created")
        return outcome

    def _client(self, request: web.Request) -> Client:
        """Who is connected and by which address: what a proxy of ours says, else the peer's and the settings'."""
        deps = self._deps
        origin = origin_of(request.remote or "", request.headers, deps.trusted_proxies)
        return Client(
            address=origin.address,
            base_url=origin.base_url or deps.public_url,
            wait=deps.wait_seconds if self._action is Action.PLAY and would_wait(request.query) else 0.0,
        )

    def _count(self, answer: str) -> None:
        self._deps.answers[self._action.value, answer] += 1


def _redirect(granted: Granted, *, wait: bool) -> web.Response:
    """To the node that the API chose: 307, and with the grant in the URL, because browsers drop Authorization."""
    location = f"{granted.url}?grant={quote(granted.grant, safe='')}{'&wait=1' if wait else ''}"
    return empty(307, {"Location": location, "Cache-Control": "no-store"})
