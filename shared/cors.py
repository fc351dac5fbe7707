"""What browsers may send to the API and to nodes, and read of their answers (Fetch standard, section 3.2).

One list for both: a browser that the API redirects asks the node's leave for the very fields that the API has allowed, and fails
without a word where one of them is missing there. The origin is always `*` and never an echo: after the redirect it is
`null`. No cookie or other ambient credential means anything here, so there is nothing that an origin could abuse.
"""

from collections.abc import Mapping
from types import MappingProxyType

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""OPTIONS itself: MediaMTX's and Eyevinn's players fetch it, and that request is preflighted too."""

REQUEST_FIELDS = (
    "Authorization",  # named, because `*` does not cover it
    "Content-Type",
    "Accept",
    "ETag",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",  # of a player that reads a session's events by fetch
    "Link",
)
"""What pages may add to a request."""

ANSWER_FIELDS = (
    "Location",
    "ETag",
    "Link",
    "WHEP",
    "Accept-Post",
    "Accept-Patch",
    "Allow",
    "Access-Control-Allow-Methods",
    "Retry-After",
    "WWW-Authenticate",
)
"""What pages may read of an answer beside what every page may."""

EVERY_ANSWER: Mapping[str, str] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": ", ".join(ANSWER_FIELDS),
    }
)

OPTIONS_ANSWER: Mapping[str, str] = MappingProxyType(
    {
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Allow-Headers": ", ".join(REQUEST_FIELDS),
        "Access-Control-Max-Age": "86400",
    }
)
"""Beside `EVERY_ANSWER`."""
