"""The request and the reply of a dry run: what a publish or a play would get now, check by check."""

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from functions.edge.bodies import ReplyBody, RequestBody

_TEXT: JsonDict = {"type": "string"}
_NOTHING: JsonDict = {"type": "null"}


class DryRunRequest(RequestBody):
    """A publish or a play that might be asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["stream_id"], "properties": {"stream_id": _TEXT, "stream_key": _NOTHING}},
                {
                    "required": ["stream_key"],
                    "properties": {"stream_key": _TEXT, "stream_id": _NOTHING, "action": {"const": "publish"}},
                },
            ]
        }
    )

    action: Literal["publish", "play"]
    """What a client would ask for."""
    stream_id: str | None = Field(default=None, max_length=64)
    """The stream: to play it, or to publish it with its present key."""
    stream_key: str | None = Field(default=None, max_length=128)
    """Instead of the stream: a secret, to learn whether it still publishes."""
    protocol: Literal["whip", "whep", "rtmp", "srt", "hls"] | None = None
    """WHIP to publish and WHEP to play, where it is left out."""
    force: bool = False
    """Whether the publish would override a publisher that uses the key now."""
    region: str | None = Field(default=None, min_length=1, max_length=64)
    """The region whose nodes are preferred."""


CheckName = Literal["key", "stream", "protocol", "quota", "key_in_use", "live", "stream_limit", "viewers", "capacity"]


class DryRunCheck(ReplyBody):
    """One thing that admission asks."""

    check: CheckName
    """What is asked about."""
    passed: bool | None
    """null: not asked any more, because one before it failed."""
    saw: str
    """What it found, for a person."""


class DryRunReply(ReplyBody):
    """What the publish or play would get now. Nothing was taken or written for it."""

    action: Literal["publish", "play"]
    """What was asked about."""
    protocol: str
    """What it would be published or played by."""
    stream_id: str | None
    """null where the secret is no key of the account's."""
    would: Literal["admit", "refuse"]
    """The outcome."""
    waits_seconds: float
    """How long its client would be kept waiting for the answer, if nothing else happens: for a publisher that fell silent."""
    node: str | None
    """Where an admitted session would be now."""
    region: str | None
    """The node's region."""
    status: int | None
    """The refusal's HTTP status."""
    retry_after: int | None
    """In how many seconds the client would be told to come back; null where waiting does not help."""
    refusal: dict[str, object] | None
    """The refusal's body, word for word."""
    checks: list[DryRunCheck]
    """In the order in which they decide; the first that fails is the refusal."""
