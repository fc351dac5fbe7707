"""The WHIP and WHEP endpoints of a node: `/{id}/whip`, `/whip`, `/{id}/whep` (RFC 9725, section 4.2; WHEP draft, 4.2).

A POST begins a session only with a grant that `sfu.control.authorize` admits: the client's own, or one that the API gives for
its stream key or stream id. A grant that was used up without a session is reported, so that its slot is free at once.
"""

import logging
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from sfu.negotiation import Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play, answer_publish
from sfu.sdp.likely_sources import first_with_video, guesses
from sfu.sdp.offer import Offer, parse_offer
from sfu.signalling.body import read_body, sdp_text
from sfu.signalling.dependencies import Deps, Granted, PassedThrough, Session, Wanted
from sfu.signalling.forwarded import Origin, origin_of, subscriber
from sfu.signalling.permission import Ticket, read_credential, waits
from sfu.signalling.replies import empty, method_not_allowed, options, passed_through, refusal
from sfu.signalling.server_events import EXTENSION, KNOWN
from sfu.signalling.session_table import Resource
from shared.grants import Action
from shared.offers import SDP, check_body
from shared.refusals import Refused, draining, invalid_grant, rate_limited, stream_offline
from shared.verifier import Reason, VerifiedGrant

log = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_BAD_TOKEN = {"WWW-Authenticate": 'Bearer realm="sluice", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class _Way:
    """What of a request matters beside its credential and its offer."""

    waits: bool
    base_url: str
    address: str
    """The client's."""


class Endpoint:
    """The endpoints of one action: WHIP's of publishing, WHEP's of playing."""

    def __init__(self, deps: Deps, action: Action) -> None:
        self._deps = deps
        self._action = action

    async def handle(self, request: web.Request) -> web.Response:
        """Any method on the endpoint."""
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
        credential = read_credential(
            self._action, request.match_info.get("id"), request.query, request.headers.get("Authorization")
        )
        if isinstance(credential, Ticket):
            outcome = await self._with_grant(request, credential)
        elif isinstance(credential, Wanted):
            outcome = await self._without_grant(request, credential)
        else:
            outcome = credential
        if isinstance(outcome, Refused):
            self._deps.answers[self._action.value, outcome.code.value] += 1
            return refusal(outcome)
        return outcome

    async def _with_grant(self, request: web.Request, ticket: Ticket) -> web.Response | Refused:
        grant = self._admit(ticket)
        if isinstance(grant, Refused):
            return grant
        offer = draining() if self._deps.draining() else await self._offer(request)
        origin = self._origin(request)
        way = _Way(waits(request.query), origin.base_url or self._deps.public_url, origin.address)
        return self._begin(grant, offer, way)

    async def _without_grant(self, request: web.Request, wanted: Wanted) -> web.Response | Refused:
        """Ask the API, once the offer has been read: a broken one takes no slot from anybody."""
        deps = self._deps
        if deps.draining():
            return draining()
        origin = self._origin(request)
        wait = deps.limit.take(subscriber(origin.address), deps.now())
        if wait:
            return rate_limited(ceil(wait))
        offer = await self._offer(request)
        if isinstance(offer, Refused):
            return offer
        outcome = await deps.exchange(wanted)
        if isinstance(outcome, Refused):
            return outcome
        if isinstance(outcome, PassedThrough):
            deps.answers[self._action.value, "passed_through"] += 1
            return passed_through(outcome)
        if outcome.node != deps.node_id:
            deps.answers[self._action.value, "redirected"] += 1
            return _redirect(outcome, wait=wanted.wait)
        grant = self._admit(Ticket(outcome.grant, outcome.stream))
        return (
            grant
            if isinstance(grant, Refused)
            else self._begin(grant, offer, _Way(wanted.wait, origin.base_url or deps.public_url, origin.address))
        )

    def _admit(self, ticket: Ticket) -> VerifiedGrant | Refused:
        outcome = self._deps.authorizer.admit(
            ticket.token, action=self._action, stream=ticket.stream, now=self._deps.now()
        )
        if isinstance(outcome, VerifiedGrant):
            return outcome
        log.info("grant rejected", extra={"reason": outcome.reason.value, "action": self._action.value})
        if outcome.reason is Reason.MISSING:
            return invalid_grant()
        return replace(invalid_grant(), extra_headers=_BAD_TOKEN)

    async def _offer(self, request: web.Request) -> Offer | Refused:
        body = await read_body(request, self._deps.body_seconds)
        if isinstance(body, Refused):
            return body
        return check_body(request.headers.get("Content-Type"), body) or parse_offer(sdp_text(body))

    def _begin(self, grant: VerifiedGrant, offer: Offer | Refused, way: "_Way") -> web.Response | Refused:
        """The session of *grant*, or its slot given back."""
        outcome = offer if isinstance(offer, Refused) else self._session(grant, offer, way)
        if isinstance(outcome, Refused):
            self._deps.on_refused(grant, outcome.code.value)
        return outcome

    def _session(self, grant: VerifiedGrant, offer: Offer, way: "_Way") -> web.Response | Refused:
        deps = self._deps
        wait = deps.wait_seconds if way.waits else 0.0
        negotiated = self._negotiate(grant, offer, wait)
        if isinstance(negotiated, Refused):
            return negotiated
        if self._action is Action.PUBLISH:
            session = deps.plane.publish(grant, negotiated, deps.now())
        else:
            session = deps.plane.play(grant, negotiated, deps.now(), wait=wait, address=way.address)
        if isinstance(session, Refused):
            return session
        deps.directory.add(
            Resource(
                secret=session.secret,
                session=session.id,
                stream=grant.claims.stream,
                action=self._action.value,
                negotiated=negotiated,
                etag=session.etag,
                local=negotiated.local,
                remote=negotiated.remote,
            )
        )
        deps.answers[self._action.value, "created"] += 1
        claims = grant.claims
        log.info(
            "session began",
            extra={
                "session": claims.session,
                "stream": claims.stream,
                "account": claims.account,
                "action": claims.action.value,
                "epoch": claims.epoch,
                "tier": claims.tier,
            },
        )
        return self._created(grant, session, negotiated, way.base_url)

    def _negotiate(self, grant: VerifiedGrant, offer: Offer, wait: float) -> Negotiated | Refused:
        plane, claims = self._deps.plane, grant.claims
        if self._action is Action.PUBLISH:
            return answer_publish(offer, plane.local, plane.new_credentials(), max_kbps=claims.max_kbps)
        source = plane.source(claims.stream)
        if source is None and not wait:
            return stream_offline()
        # The same for all viewers of a stream: the media plane then makes each packet's header once for all of them.
        ssrcs = new_ssrcs(sha256(claims.stream.encode()).digest())
        sources = guesses(plane.expected(claims.stream)) if source is None else (source,)
        return first_with_video(
            offer,
            sources,
            lambda of: answer_play(offer, of, plane.local, plane.new_credentials(), ssrcs, claims.stream),
        )

    def _origin(self, request: web.Request) -> Origin:
        """Who this client is and where it reaches us: what a proxy of ours says, else who is connected and what the settings say."""
        return origin_of(request.remote or "", request.headers, self._deps.trusted_proxies)

    def _created(self, grant: VerifiedGrant, session: Session, negotiated: Negotiated, base_url: str) -> web.Response:
        """201. The URLs are absolute and without a query, because clients resolve and cut them in many ways (item 1)."""
        deps = self._deps
        headers = CIMultiDict(
            {
                "Content-Type": SDP,
                "Location": f"{base_url}/sessions/{session.secret}",
                "ETag": f'"{session.etag}"',
                "Cache-Control": "no-store",
            }
        )
        if self._action is Action.PUBLISH:
            # VDO.Ninja hands it to its viewers.
            headers["WHEP"] = f"{deps.playback_url or deps.public_url}/{grant.claims.stream}/whep"
        elif deps.reports is not None:
            known = ",".join(KNOWN)
            headers.add("Link", f'<{headers["Location"]}/events>; rel="{EXTENSION}"; events="{known}"')
        for server in deps.ice_servers:
            headers.add("Link", server.link())
        return web.Response(status=201, body=negotiated.answer.encode(), headers=headers)


def new_ssrcs(random: bytes) -> ViewerSsrcs:
    """Four SSRCs from at least 16 random bytes, made distinct and other than 0 whatever the bytes."""
    values: list[int] = []
    for start in range(0, 16, 4):
        value = int.from_bytes(random[start : start + 4])
        while value == 0 or value in values:
            value = (value + 1) % 2**32
        values.append(value)
    audio, audio_rtx, video, video_rtx = values
    return ViewerSsrcs(audio, audio_rtx, video, video_rtx)


def _redirect(granted: Granted, *, wait: bool) -> web.Response:
    """To the node that the API chose: 307, and with the grant in the URL, because browsers drop Authorization."""
    location = f"{granted.url}?grant={quote(granted.grant, safe='')}{'&wait=1' if wait else ''}"
    return empty(307, {"Location": location, "Cache-Control": "no-store"})
