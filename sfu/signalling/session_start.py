"""Begins a session: from an admitted grant and a read offer to the answer, the media plane's session and the 201.

Publishers and viewers go one way (RFC 9725, section 4.2; WHEP draft, section 4.2); a refusal on it leaves nothing behind.
"""

import logging
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web
from multidict import CIMultiDict

from sfu.negotiation import Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play, answer_publish
from sfu.sdp.likely_sources import first_playable, likely_sources
from sfu.sdp.offer import Offer
from sfu.signalling.dependencies import BegunSession, Dependencies
from sfu.signalling.http_sessions import HttpSession
from sfu.signalling.server_events import EXTENSION, KNOWN
from shared.grants import Action
from shared.offers import SDP
from shared.refusals import Refused, stream_offline
from shared.verifier import VerifiedGrant

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """Who posts an offer: what matters of its request beside its permission and its offer."""

    address: str
    """Its IP address, as far as we can tell."""
    base_url: str
    """By which it reached us, without a path; the URLs of its answer begin with it."""
    wait: float
    """For how many seconds it would rather wait for a publisher than be told that there is none; 0: it would not."""


def start_session(deps: Dependencies, grant: VerifiedGrant, offer: Offer, client: Client) -> web.Response | Refused:
    """The 201 of the session that *grant* is for, or why it cannot begin."""
    negotiated = _negotiate(deps, grant, offer, client)
    if isinstance(negotiated, Refused):
        return negotiated
    session = _begin_media(deps, grant, negotiated, client)
    if isinstance(session, Refused):
        return session
    _register(deps, grant, session, negotiated)
    return _created(deps, grant, session, negotiated, client)


def _negotiate(deps: Dependencies, grant: VerifiedGrant, offer: Offer, client: Client) -> Negotiated | Refused:
    plane, claims = deps.plane, grant.claims
    if claims.action is Action.PUBLISH:
        return answer_publish(offer, plane.local, plane.new_credentials(), max_kbps=claims.max_kbps)
    carried = plane.source(claims.stream)
    if carried is None and not client.wait:
        return stream_offline()
    sources = likely_sources(plane.expected(claims.stream)) if carried is None else (carried,)
    # The same for all viewers of a stream: the media plane then makes each packet's header once for all of them.
    ssrcs = ViewerSsrcs.from_bytes(sha256(claims.stream.encode()).digest())
    return first_playable(
        offer,
        sources,
        lambda source: answer_play(offer, source, plane.local, plane.new_credentials(), ssrcs, claims.stream),
    )


def _begin_media(
    deps: Dependencies, grant: VerifiedGrant, negotiated: Negotiated, client: Client
) -> BegunSession | Refused:
    if grant.claims.action is Action.PUBLISH:
        return deps.plane.publish(grant, negotiated, deps.now())
    return deps.plane.play(grant, negotiated, deps.now(), wait=client.wait, address=client.address)


def _register(deps: Dependencies, grant: VerifiedGrant, session: BegunSession, negotiated: Negotiated) -> None:
    """From now on the session has its URL, and the log its beginning."""
    claims = grant.claims
    deps.sessions.add(
        HttpSession(
            secret=session.secret,
            id=session.id,
            stream=claims.stream,
            action=claims.action.value,
            negotiated=negotiated,
            etag=session.etag,
            local=negotiated.local,
            remote=negotiated.remote,
        )
    )
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


def _created(
    deps: Dependencies, grant: VerifiedGrant, session: BegunSession, negotiated: Negotiated, client: Client
) -> web.Response:
    """201. The URLs are absolute and without a query, because clients resolve and cut them in many ways."""
    location = f"{client.base_url}/sessions/{session.secret}"
    headers = CIMultiDict(
        {"Content-Type": SDP, "Location": location, "ETag": f'"{session.etag}"', "Cache-Control": "no-store"}
    )
    if grant.claims.action is Action.PUBLISH:
        # VDO.Ninja hands it to its viewers.
        headers["WHEP"] = f"{deps.playback_url or deps.public_url}/{grant.claims.stream}/whep"
    elif deps.reports is not None:
        headers.add("Link", f'<{location}/events>; rel="{EXTENSION}"; events="{",".join(KNOWN)}"')
    for server in deps.ice_servers:
        headers.add("Link", server.link())
    return web.Response(status=201, body=negotiated.answer.encode(), headers=headers)
