"""How a browser's preflight is known, and asks for a private network. What preflights allow is in `shared.cors`.

docs/conformance.md, 1A.27 to 1A.31.
"""

from collections.abc import Mapping


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks about another request, rather than a client about the resource."""
    return method == "OPTIONS" and "Access-Control-Request-Method" in headers


def private_network(headers: Mapping[str, str]) -> dict[str, str]:
    """The field that lets a public page reach a node on loopback or in a LAN, where the browser asks (Private Network Access)."""
    asked = headers.get("Access-Control-Request-Private-Network") == "true"
    return {"Access-Control-Allow-Private-Network": "true"} if asked else {}
