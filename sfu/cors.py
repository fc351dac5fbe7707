"""The CORS fields of every answer (Fetch standard; whip-whep.md items 27 to 31).

The allowed origin is always `*` and never an echo: after the API's redirect a browser's Origin is `null`. No cookie or
other ambient credential means anything here, so there is nothing that an origin could abuse.
"""

from collections.abc import Mapping
from types import MappingProxyType

EVERY_ANSWER: Mapping[str, str] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Location, ETag, Link, WHEP, Accept-Post, Accept-Patch, Allow, "
        "Access-Control-Allow-Methods, Retry-After, WWW-Authenticate",
    }
)

OPTIONS_ANSWER: Mapping[str, str] = MappingProxyType(
    {
        # OPTIONS itself: MediaMTX's and Eyevinn's players fetch it, and that request is preflighted too.
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
        # Named, because `*` does not cover Authorization.
        "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, ETag, Accept, Link",
        "Access-Control-Max-Age": "86400",
    }
)


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks about another request, rather than a client about the resource."""
    return method == "OPTIONS" and "Access-Control-Request-Method" in headers


def private_network(headers: Mapping[str, str]) -> dict[str, str]:
    """A public page may reach a node on loopback or a LAN when the browser asks (Private Network Access)."""
    asked = headers.get("Access-Control-Request-Private-Network") == "true"
    return {"Access-Control-Allow-Private-Network": "true"} if asked else {}
