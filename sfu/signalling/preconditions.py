"""Evaluates If-Match against a session's strong entity tag (RFC 9110, section 13.1.1; RFC 9725, section 4.3.1)."""

import re
from enum import Enum, auto

_TAG = re.compile(r'(W/)?"([^"]*)"')


class IfMatch(Enum):
    """What the If-Match field says of the current state."""

    MISSING = auto()
    HOLDS = auto()
    FAILS = auto()


def if_match(field: str | None, etag: str) -> IfMatch:
    """Compare *field* with *etag* (without its quotes). Weak tags never match.

    A quoted `"*"` is the wildcard as well: RFC 9725, figure 4 prints it so, and clients do what figures show.
    """
    if field is None:
        return IfMatch.MISSING
    if field.strip() == "*":
        return IfMatch.HOLDS
    tags = _TAG.findall(field)
    return IfMatch.HOLDS if any(not weak and tag in ("*", etag) for weak, tag in tags) else IfMatch.FAILS
