"""What JSON bodies of the API have in common, as pydantic models: how strictly requests are read, how replies describe themselves.

A text below a field becomes the field's description in the OpenAPI document (`use_attribute_docstrings`).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.tiers import Limits


class RequestBody(BaseModel):
    """A request that is read strictly: no type is converted, and a field that we do not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class OpenRequestBody(BaseModel):
    """A request from programs that may send more than we read: types are strict, fields that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)


class ReplyBody(BaseModel):
    """An answer, which nothing changes once it is made."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


def limit_fields(limits: Limits) -> dict[str, Any]:
    """The fields that describe *limits* in a reply, wherever limits are part of one; protocols in alphabetical order."""
    return {
        "streams": limits.streams,
        "bytes": limits.bytes,
        "viewers": limits.viewers,
        "kbps": limits.kbps,
        "protocols": sorted(limits.protocols),
        "hls_embed": limits.hls_embed,
    }
