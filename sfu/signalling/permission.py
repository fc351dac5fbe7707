"""What a POST brings to be let in: a grant, a stream key, or nothing but a stream's public id. Pure.

The grant in the URL comes first: a redirected browser has nothing else, and OBS sends its stream key along to wherever
it is redirected (`CURLOPT_UNRESTRICTED_AUTH`). An Authorization field that is no credential of ours ("Bearer undefined"
from Eyevinn's player) is passed over where the path says enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.signalling.dependencies import Wanted
from shared.grants import WEBRTC, Action
from shared.keys import StreamKey, is_stream_id
from shared.refusals import Refused, invalid_key, invalid_request, stream_not_found


@dataclass(frozen=True, slots=True)
class Ticket:
    """A grant, or the lack of one, for the stream in the path."""

    token: str | None = field(repr=False)
    stream: str


def read_credential(
    action: Action, identifier: str | None, query: Mapping[str, str], authorization: str | None
) -> Ticket | Wanted | Refused:
    """The credential of a POST to `/{identifier}/whip` or `/{identifier}/whep`, or to `/whip` (*identifier* None)."""
    if "grant" in query:
        return Ticket(query["grant"], identifier or "")
    bearer = _bearer(authorization)
    if bearer and bearer.count(".") == 2:
        return Ticket(bearer, identifier or "")
    key = next((text for text in (bearer, identifier) if text and StreamKey.parse(text)), None)
    if key is not None and (action is Action.PUBLISH or key == identifier):
        return _wanted(action, query, key=key)
    if action is Action.PLAY:
        # Watching needs no secret: the id is the whole request.
        known = identifier is not None and is_stream_id(identifier)
        return _wanted(action, query, stream=identifier) if known else stream_not_found()
    if authorization is not None and bearer is None:
        return invalid_request(
            "The Authorization field is not understood. Send Authorization: Bearer and the stream key.",
            headers={"WWW-Authenticate": 'Bearer realm="sluice", error="invalid_request"'},
        )
    if identifier is not None and is_stream_id(identifier):
        return Ticket(None, identifier)
    return invalid_key()


def _bearer(authorization: str | None) -> str | None:
    """The token of a Bearer field (RFC 6750, section 2.1); the scheme's case does not matter (RFC 9110, section 11.1)."""
    parts = (authorization or "").split()
    return parts[1] if len(parts) == 2 and parts[0].lower() == "bearer" else None


def waits(query: Mapping[str, str]) -> bool:
    """Whether a viewer would rather wait than be told that the stream is offline."""
    return query.get("wait", "").lower() in ("1", "true")


def _wanted(action: Action, query: Mapping[str, str], *, key: str | None = None, stream: str | None = None) -> Wanted:
    return Wanted(
        action=action.value,
        protocol=WEBRTC[action],
        key=key,
        stream=stream,
        force=query.get("force", "").lower() in ("1", "true"),
        region=query.get("region") or None,
        wait=action is Action.PLAY and waits(query),
    )
