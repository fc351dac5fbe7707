"""What MediaMTX asks and is answered: models for the OpenAPI document, which tests hold the handler to.

The handler reads bodies by hand (`functions.hooks.mediamtx`): it answers before every session, and starts quickly so.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str | None, Field(max_length=4096)]


class MediaMtxRequest(BaseModel):
    """The body of MediaMTX's `authHTTPAddress` request; fields that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)

    action: Annotated[str, Field(max_length=4096)]
    """`publish`, `read` or `playback`; the others are refused."""
    path: Annotated[str, Field(max_length=4096)]
    """The stream id."""
    protocol: Text = ""
    """`rtmp`, `rtmps`, `rtsp`, `rtsps`, `srt`, `hls`, `webrtc`, or nothing for a recording."""
    user: Text = ""
    password: Text = ""
    token: Text = ""
    ip: Text = ""
    query: Text = ""
    id: Annotated[str | None, Field(max_length=64)] = None
    """MediaMTX's id of the connection."""


class MediaMtxLimits(BaseModel):
    """What holds for the stream."""

    viewers: int
    kbps: int | None = None
    """Only for who publishes."""


class MediaMtxReply(BaseModel):
    """Let it in. What the reporter beside MediaMTX needs is there for who publishes."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    action: Literal["publish", "play"]
    stream: str
    limits: MediaMtxLimits
    session: str | None = None
    account: str | None = None
    epoch: int | None = None
