"""What a node's preflights are asked (whip-whep.md items 27 to 31). What they allow is in `shared.cors`."""

from collections.abc import Mapping


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks about another request, rather than a client about the resource."""
    return method == "OPTIONS" and "Access-Control-Request-Method" in headers


def private_network(headers: Mapping[str, str]) -> dict[str, str]:
    """A public page may reach a node on loopback or a LAN when the browser asks (Private Network Access)."""
    asked = headers.get("Access-Control-Request-Private-Network") == "true"
    return {"Access-Control-Allow-Private-Network": "true"} if asked else {}
