"""What MediaMTX asks and is answered: models for the OpenAPI document, which tests hold the handler to.

The handler reads bodies by hand (`functions.hooks.mediamtx`): it answers before every session, and starts quickly so.
"""

from typing import Annotated, Literal

from pydantic import Field

from functions.edge.bodies import OpenRequestBody, ReplyBody

Text = Annotated[str | None, Field(max_length=4096)]


class MediaMtxRequest(OpenRequestBody):
    """The body of MediaMTX's `authHTTPAddress` request; fields that we do not know are ignored."""

    action: Annotated[str, Field(max_length=4096)]
    """`publish`, `read` or `playback`; the others are refused."""
    path: Annotated[str, Field(max_length=4096)]
    """The stream id."""
    protocol: Text = ""
    """`rtmp`, `rtmps`, `rtsp`, `rtsps`, `srt`, `hls`, `webrtc`, or nothing for a recording."""
    user: Text = ""
    """What the client gave as its name; a key is looked for here too."""
    password: Text = ""
    """What the client gave as its password: the stream key, of who publishes."""
    token: Text = ""
    """What the client gave as bearer token; a key is looked for here too."""
    ip: Text = ""
    """The client's address."""
    query: Text = ""
    """The query of the client's URL, for a key in it and `force=1`."""
    id: Annotated[str | None, Field(max_length=64)] = None
    """MediaMTX's id of the connection."""


class MediaMtxLimits(ReplyBody):
    """What holds for the stream."""

    viewers: int
    """Concurrent viewers of the stream."""
    kbps: int | None = None
    """Bitrate of the publisher in kbit/s; only for who publishes."""


class MediaMtxReply(ReplyBody):
    """Let it in. What the reporter beside MediaMTX needs is there for who publishes."""

    action: Literal["publish", "play"]
    """What the client may do."""
    stream: str
    """The stream id."""
    limits: MediaMtxLimits
    session: str | None = None
    """The id of the session, for who publishes."""
    account: str | None = None
    """The account that the session counts for, for who publishes."""
    epoch: int | None = None
    """A number that grows with each publisher of the account, for who publishes."""
