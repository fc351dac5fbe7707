"""What admission answers, route by route: a redirect to a node with a grant in it, a grant as JSON, a key, or a refusal.

API Gateway's route key is the key of the table of routes, so nothing here parses paths.
"""

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from functions.admission.anonymous_keys import AnonymousKeys
from functions.admission.grant_request import (
    IDEMPOTENCY_KEY,
    Play,
    read_grant_request,
    wrong_flag,
    wrong_idempotency_key,
)
from functions.admission.grants import Grant, GrantSigner
from functions.domain.invalid_keys import InvalidKeyLimit
from functions.domain.names import wrong_name
from functions.domain.publishing import Publish, PublishDependencies, admit
from functions.domain.watching import Watching
from functions.edge.client_rate import ClientRateLimit
from functions.edge.decisions import logged_decision
from functions.edge.observability import Log
from functions.edge.web import ApiAnswer, ApiRequest, as_json, base_url, preflight, refusal
from shared.keys import StreamKey, is_stream_id
from shared.names import is_name
from shared.offers import SDP, check_body
from shared.refusals import Code, Refused, invalid_key, invalid_request, not_found, rate_limited, stream_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Admission:
    """Answers every request to admission, by API Gateway's route keys."""

    def __init__(
        self,
        dependencies: PublishDependencies,
        watching: Watching,
        signer: GrantSigner,
        anonymous_keys: AnonymousKeys,
        invalid_keys: InvalidKeyLimit,
        client_rate: ClientRateLimit,
        log: Log,
    ) -> None:
        self._invalid_keys = invalid_keys
        self._client_rate = client_rate
        self._dependencies = dependencies
        self._watching = watching
        self._signer = signer
        self._anonymous_keys = anonymous_keys
        self._log = log
        self._routes: Mapping[str, Callable[[ApiRequest], ApiAnswer | Refused]] = {
            "ANY /{id}/whip": self._whip,
            "ANY /whip": self._whip,
            "ANY /{id}/whep": self._whep,
            "POST /v1/grants": self._grants,
            "POST /v1/anonymous": self._anonymous,
        }

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """The answer to *request*; never an exception for what a client or a store can cause."""
        if request.method == "OPTIONS":
            return preflight().to(request)
        request = _without_empty_parts(request)
        decide = self._routes.get(request.route, self._elsewhere)
        said = logged_decision(lambda: decide(request), self._log, route=request.route)
        return (refusal(said) if isinstance(said, Refused) else said).to(request)

    def _whip(self, request: ApiRequest) -> ApiAnswer | Refused:
        key = StreamKey.parse(request.parameters.get("id") or request.bearer)
        if request.method != "POST":
            # RFC 9725, section 4.1: GET is for later use and answered without content.
            return _other_method(request, ApiAnswer(204))
        if key is None:
            return invalid_key()
        refused = check_body(request.headers.get("content-type"), request.body)
        if refused is not None:
            return refused
        idempotency = request.headers.get("idempotency-key")
        if idempotency is not None and not IDEMPOTENCY_KEY.fullmatch(idempotency):
            return wrong_idempotency_key("Idempotency-Key")
        force, region = request.flag("force"), request.query.get("region")
        if force is None:
            return wrong_flag("force")
        if region is not None and not is_name(region):
            return wrong_name("region")
        return self._redirect(
            self._publish(
                Publish(
                    key,
                    "whip",
                    force,
                    region,
                    idempotency_key=idempotency,
                    address=request.address,
                )
            )
        )

    def _whep(self, request: ApiRequest) -> ApiAnswer | Refused:
        if request.method != "POST":
            # WHEP, section 4.2 of draft-04: a player discovers by HEAD that this address speaks WHEP.
            return _other_method(request, ApiAnswer(200, {"Content-Type": SDP, "Content-Length": "0"}))
        stream = request.parameters.get("id", "")
        if not is_stream_id(stream):
            return stream_not_found()
        refused = check_body(request.headers.get("content-type"), request.body)
        wait = request.flag("wait")
        if refused is None and wait is None:
            refused = wrong_flag("wait")
        return refused or self._redirect(self._play(Play(stream, "whep", bool(wait)), request.address))

    def _grants(self, request: ApiRequest) -> ApiAnswer | Refused:
        wanted = read_grant_request(request.body, request.address)
        if isinstance(wanted, Refused):
            return wanted
        outcome = self._publish(wanted) if isinstance(wanted, Publish) else self._play(wanted, request.address)
        if isinstance(outcome, Refused):
            return outcome
        claims = outcome.claims
        return as_json(
            201,
            {
                "grant": outcome.token,
                "url": outcome.url,
                "session": claims.session,
                "expires_at": claims.expires_at,
                "node": claims.node,
                "region": outcome.region,
                "limits": {"viewers": claims.max_viewers, "kbps": claims.max_kbps},
            },
        )

    def _anonymous(self, request: ApiRequest) -> ApiAnswer | Refused:
        made = self._anonymous_keys.new_key(request.address)
        if isinstance(made, Refused):
            return made
        base = base_url(request.headers)
        key = made.stream_key.reveal()
        return as_json(
            201,
            {
                "stream_key": key,
                "stream_id": made.stream,
                "whip": f"{base}/{key}/whip",
                "whep": f"{base}/{made.stream}/whep",
            },
        )

    def _elsewhere(self, request: ApiRequest) -> Refused:
        # `$default`: no such route, or a route whose variable has slashes in it.
        if request.path.endswith("/whip"):
            return invalid_key()
        return stream_not_found() if request.path.endswith("/whep") else not_found()

    def _publish(self, request: Publish) -> Grant | Refused:
        admitted = admit(self._dependencies, request)
        if isinstance(admitted, Refused):
            self._log.event("publish refused", key=request.key.masked, code=admitted.code.value)
            return self._invalid_keys.refusal(request.address) if admitted.code is Code.INVALID_KEY else admitted
        self._note("publish", admitted.account.id, admitted.stream, admitted.slot.session, admitted.node.id)
        return self._signer.to_publish(admitted, request.protocol)

    def _play(self, request: Play, address: str) -> Grant | Refused:
        wait = self._client_rate.take(address, self._dependencies.clock())
        if wait > 0 and not self._watching.is_node_address(address):
            # Before anything is read: who asks too often costs this process some microseconds and nobody a call. A node asks
            # for all its viewers, each of which it counts itself; by their common address one of them would shut out the rest.
            return rate_limited(ceil(wait))
        admitted = self._watching.admit(request.stream, request.protocol, wait=request.wait)
        if isinstance(admitted, Refused):
            return admitted
        grant = self._signer.to_play(admitted, request.protocol)
        self._note("play", grant.claims.account, request.stream, grant.claims.session, grant.claims.node)
        return grant

    def _note(self, action: str, account: str, stream: str, session: str, node: str) -> None:
        self._log.event("admitted", action=action, account=account, stream=stream, session=session, node=node)
        self._log.count("Admitted", action=action)

    def _redirect(self, outcome: Grant | Refused) -> ApiAnswer | Refused:
        """307, never 302, which turns the POST into a GET (RFC 9110, section 15.4.3)."""
        return outcome if isinstance(outcome, Refused) else ApiAnswer(307, {"Location": outcome.location})


def _without_empty_parts(request: ApiRequest) -> ApiRequest:
    """*request* by the route that its address means with a slash too many, at the end or where two parts were joined: API
    Gateway has no such route, and a redirect would lose the offer.
    """
    if request.route != "$default":
        return request
    match [part for part in request.path.split("/") if part]:
        case [("whip" | "whep") as action]:
            # Without an identifier: an empty key, or the one of the Authorization field.
            return replace(request, route=f"ANY /{action}")
        case [identifier, ("whip" | "whep") as action]:
            return replace(request, route=f"ANY /{{id}}/{action}", parameters={"id": identifier})
    return request


def _other_method(request: ApiRequest, found: ApiAnswer) -> ApiAnswer | Refused:
    if request.method in {"GET", "HEAD"}:
        return found
    return invalid_request("Post the offer to this address.", status=405, headers={"Allow": "GET, HEAD, OPTIONS, POST"})
