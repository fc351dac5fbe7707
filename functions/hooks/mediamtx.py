"""What MediaMTX asks: its `authHTTPAddress` request as an action, a stream, a key and a protocol. Pure.

MediaMTX's path is the public stream id, in every protocol: a path is seen by viewers, so it cannot be the key. The key
comes where the protocol carries secrets:

- RTMP: `rtmp://host/STREAM_ID?pass=KEY` (MediaMTX reads user and pass from there), or `?key=KEY`;
- SRT: `streamid=publish:STREAM_ID:KEY` or `publish:STREAM_ID:anything:KEY`;
- RTSP: `rtsp://anything:KEY@host/STREAM_ID`;
- WebRTC: `Authorization: Bearer KEY`, or Basic with the key as password.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from functions.edge.jsonbody import read_object
from shared.keys import StreamKey, is_stream_id
from shared.refusals import Refused, forbidden, invalid_key, invalid_request, protocol_not_allowed, stream_not_found

PUBLISH = "publish"
READ = frozenset({"read", "playback"})
MAX_BODY = 16_384
MAX_FIELD = 4096
_FIELDS = ("user", "password", "token", "ip", "action", "path", "protocol", "query")
_CARRIERS = ("password", "user", "token")
_QUERY_CARRIERS = ("key", "pass", "password", "token", "user")

# RTSP is an encoder's protocol like RTMP, and what a tier allows of one it allows of the other.
_PROTOCOLS: Mapping[str, tuple[str, str]] = {
    "rtmp": ("rtmp", "rtmp"),
    "rtmps": ("rtmp", "rtmp"),
    "rtsp": ("rtmp", "rtmp"),
    "rtsps": ("rtmp", "rtmp"),
    "srt": ("srt", "srt"),
    "hls": ("hls", "hls"),
    "webrtc": ("whip", "whep"),
    # A recording is fetched by plain HTTP, and asked for without a protocol.
    "": ("hls", "hls"),
}
"""MediaMTX's name of a protocol: ours to publish, and ours to watch."""


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """One question of MediaMTX's: whether a client may publish a stream, or watch it."""

    stream: str
    """The public id."""
    protocol: str
    """Our name of it, as `shared.tiers.PROTOCOLS` has it."""
    key: StreamKey | None = field(repr=False)
    """The key that a publisher presents; None where the client wants to watch."""
    identity: str | None
    """MediaMTX's id of the connection: the same question twice has it twice."""
    address: str
    """The client's, as MediaMTX says."""
    force: bool
    """Whether to override a publisher that uses the key now."""


def read_auth_request(body: bytes) -> AuthRequest | Refused:
    """What *body* asks for; a refusal where it makes no sense, names no stream or carries no key."""
    fields = _fields(body)
    if isinstance(fields, Refused):
        return fields
    action, publishing = fields["action"], fields["action"] == PUBLISH
    if not publishing and action not in READ:
        return forbidden("Only publishing and watching are decided here; exclude the other actions (authHTTPExclude).")
    if fields["protocol"] not in _PROTOCOLS:
        return protocol_not_allowed(fields["protocol"][:16], "")
    query = parse_qs(fields["query"], max_num_fields=32) if fields["query"].count("&") < 32 else {}
    stream, protocol = fields["path"].strip("/"), _PROTOCOLS[fields["protocol"]][not publishing]
    key = _key(fields, query) if publishing else None
    if publishing and key is None:
        return invalid_key()
    if not is_stream_id(stream):
        # Whoever publishes gets no hint; whoever watches asked for a stream that cannot be.
        return invalid_key() if publishing else stream_not_found()
    force = query.get("force", ["0"])[-1] in {"1", "true"}
    return AuthRequest(stream, protocol, key, fields["id"], fields["ip"], force)


def _fields(body: bytes) -> dict[str, Any] | Refused:
    if len(body) > MAX_BODY:
        return invalid_request("The body is too long.", status=413)
    found = read_object(body)
    if isinstance(found, Refused):
        return found
    for name in ("action", "path"):
        if found.get(name) is None:
            return invalid_request(f'"{name}" is needed.', name)
    # What a protocol has no use for is null or not there.
    fields: dict[str, Any] = {name: "" if found.get(name) is None else found[name] for name in _FIELDS}
    for name, value in fields.items():
        if not isinstance(value, str) or len(value) > MAX_FIELD:
            return invalid_request(f'"{name}" must be text of at most {MAX_FIELD} characters.', name)
    identity = found.get("id")
    if identity is not None and (not isinstance(identity, str) or len(identity) > 64):
        return invalid_request('"id" must be text of at most 64 characters.', "id")
    return {**fields, "id": identity or None}


def _key(fields: Mapping[str, str], query: Mapping[str, list[str]]) -> StreamKey | None:
    carried = [*(fields[name] for name in _CARRIERS), *(query.get(name, [""])[-1] for name in _QUERY_CARRIERS)]
    return next(filter(None, map(StreamKey.parse, carried)), None)
