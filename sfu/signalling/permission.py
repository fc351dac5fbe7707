"""How a POST shows that it may begin a session: by a grant, a stream key, or nothing but a stream's public id. Pure.

A grant in the URL counts first: a redirected browser has nothing else, and OBS sends its stream key along to wherever
it is redirected (`CURLOPT_UNRESTRICTED_AUTH`). An Authorization field that holds nothing of ours ("Bearer undefined"
from Eyevinn's player) is passed over where the path says enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.signalling.wanted_grant import WantedGrant
from shared.grants import WEBRTC, Action
from shared.keys import StreamKey, is_stream_id
from shared.refusals import Refused, invalid_key, invalid_request, stream_not_found


@dataclass(frozen=True, slots=True)
class PresentedGrant:
    """The grant that a client brought for the stream in the path, not yet checked."""

    token: str | None = field(repr=False)
    """The JWT as it was sent; None: the request is for a stream that only a grant opens, and brought none."""
    stream: str


def read_permission(
    action: Action, identifier: str | None, query: Mapping[str, str], authorization: str | None
) -> PresentedGrant | WantedGrant | Refused:
    """What a POST to `/{identifier}/whip` or `/{identifier}/whep`, or to `/whip` (*identifier* None), is to be let in by.

    A grant that it brought, a grant that is to be asked for, or the refusal of a request that has neither.
    """
    if "grant" in query:
        return PresentedGrant(query["grant"], identifier or "")
    bearer = _bearer(authorization)
    if bearer and bearer.count(".") == 2:
        return PresentedGrant(bearer, identifier or "")
    key = next((text for text in (bearer, identifier) if text and StreamKey.parse(text)), None)
    if key is not None and (action is Action.PUBLISH or key == identifier):
        return _wanted_grant(action, query, key=key)
    if action is Action.PLAY:
        # Watching needs no secret: the id is the whole request.
        known = identifier is not None and is_stream_id(identifier)
        return _wanted_grant(action, query, stream=identifier) if known else stream_not_found()
    if authorization is not None and bearer is None:
        return invalid_request(
            "The Authorization field is not understood. Send Authorization: Bearer and the stream key.",
            headers={"WWW-Authenticate": 'Bearer realm="sluice", error="invalid_request"'},
        )
    if identifier is not None and is_stream_id(identifier):
        return PresentedGrant(None, identifier)
    return invalid_key()


def _bearer(authorization: str | None) -> str | None:
    """The token of a Bearer field (RFC 6750, section 2.1); the scheme's case does not matter (RFC 9110, section 11.1)."""
    parts = (authorization or "").split()
    return parts[1] if len(parts) == 2 and parts[0].lower() == "bearer" else None


def would_wait(query: Mapping[str, str]) -> bool:
    """Whether a viewer would rather wait than be told that the stream is offline."""
    return query.get("wait", "").lower() in ("1", "true")


def _wanted_grant(
    action: Action, query: Mapping[str, str], *, key: str | None = None, stream: str | None = None
) -> WantedGrant:
    return WantedGrant(
        action=action.value,
        protocol=WEBRTC[action],
        key=key,
        stream=stream,
        force=query.get("force", "").lower() in ("1", "true"),
        region=query.get("region") or None,
        wait=action is Action.PLAY and would_wait(query),
    )
