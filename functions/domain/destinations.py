"""Where a webhook may be sent to: which URLs an owner may name, and which addresses a name may stand for. Pure.

Owners choose these URLs, and our functions stand inside AWS; so everything that is not plainly the public Internet is
refused, by a list of ours: what the standard library calls global changed between Python's patch releases. The sender
resolves a name once, asks about every address that it got, and connects to those very addresses.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

MAX_URL = 2048
LOWEST_PORT = 1024
"""443, and what no well-known service of somebody else listens on."""


class Reach(StrEnum):
    """Which networks webhooks may be sent to; the operator's setting."""

    PUBLIC = "public"
    LOCAL = "local"
    """Also http, this machine and private networks: for a stack on one machine, and for tests."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a webhook goes: its URL in parts, checked."""

    host: str
    port: int
    tls: bool
    target: str
    """Path and query, as they stand in a request."""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


# Visible ASCII only: nothing that could end a header line, and names as DNS has them.
_VISIBLE = re.compile(r"[!-~]+")
_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?", re.IGNORECASE
)

# RFC 6890 and its registries, as networks that nobody's public server is in.
_PRIVATE_V4 = tuple(map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_NEVER_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "100.64.0.0/10",  # carrier-grade NAT
            "169.254.0.0/16",  # link-local: the metadata services of every cloud
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)  # fmt: skip
_PRIVATE_V6 = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))
# Only this much of IPv6 is given out; in it, what carries IPv4 addresses or is for documents.
_GLOBAL_V6 = IPv6Network("2000::/3")
_NEVER_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
# AWS's services inside a VPC; private, and never a receiver.
_METADATA_V6 = IPv6Network("fd00:ec2::/32")


def destination(url: str, reach: Reach) -> Destination | str:
    """The parts of *url*, or what is wrong with it."""
    if len(url) > MAX_URL or not _VISIBLE.fullmatch(url):
        return f"A URL has at most {MAX_URL} characters, all of them visible ASCII."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not a URL."
    schemes = {"https": 443} | ({"http": 80} if reach is Reach.LOCAL else {})
    if parts.scheme not in schemes:
        return "Only https is possible." if reach is Reach.PUBLIC else "Only https and http are possible."
    if "@" in parts.netloc or "#" in url or "\\" in url:
        return "A URL with a user, a fragment or a backslash is not possible."
    port = port if port is not None else schemes[parts.scheme]
    if port < LOWEST_PORT and port != schemes[parts.scheme]:
        return f"The port must be {schemes[parts.scheme]}, or {LOWEST_PORT} and above."
    host = parts.hostname or ""
    literal = _literal(host)
    if literal is None and not _NAME.fullmatch(host):
        return "The host is neither a name nor an address."
    if literal is not None and not allowed(literal, reach):
        return "The address is not a public one."
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(host, port, parts.scheme == "https", target)


def allowed(address: str, reach: Reach) -> bool:
    """Whether a webhook may connect to *address*; False for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    private = reach is Reach.LOCAL
    if isinstance(parsed, IPv4Address):
        return not _within(parsed, _NEVER_V4) and (private or not _within(parsed, _PRIVATE_V4))
    if parsed.scope_id is not None or parsed in _METADATA_V6:
        return False
    if _within(parsed, _PRIVATE_V6):
        return private
    # IPv4 in IPv6 (mapped, compatible, NAT64) is outside of it too.
    return parsed in _GLOBAL_V6 and not _within(parsed, _NEVER_V6)


def _literal(host: str) -> str | None:
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def _within(address: IPv4Address | IPv6Address, networks: tuple[IPv4Network, ...] | tuple[IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
