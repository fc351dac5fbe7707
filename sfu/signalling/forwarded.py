"""Who a request comes from, and under which address it was made, where proxies of ours stand in front. Pure.

Only a peer that the settings name is believed, and of a list of addresses only the part that such peers wrote: it is read
from the right, and the first that is not one of ours is the client (RFC 7239, section 8.1). `Forwarded` counts before the
older `X-Forwarded-…`. Anything malformed ends the reading there, as if it were the client's own invention.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_PAIR = re.compile(r"\s*([A-Za-z]+)=(?:\"([^\"\\]*)\"|([^\s;,\"]*))\s*")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")
MAX_HOPS = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request really came from, and by which address it reached us."""

    address: str
    base_url: str | None = None
    """How the client reached us, `https://edge.example.com`; None: as the settings say."""


@dataclass(frozen=True, slots=True)
class _Hop:
    address: str | None = None
    proto: str = ""
    host: str = ""


def subscriber(address: str) -> str:
    """Who is behind *address*, for limits: an IPv6 network of /64 is one subscriber's, and an IPv4 address in IPv6 is IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped is not None else str(IPv6Network((parsed.packed, 64), strict=False))
    return str(parsed)


def origin_of(remote: str, headers: Mapping[str, str], trusted: Sequence[Network]) -> Origin:
    """The origin of a request with *headers* (of names in any case) from the peer *remote*."""
    if not is_trusted(remote, trusted):
        return Origin(remote)
    hops = _hops(headers)
    address, used = remote, _Hop()
    for hop in reversed(hops):
        used = hop
        if hop.address is None:
            break
        address = hop.address
        if not is_trusted(address, trusted):
            break
    scheme, host = used.proto.lower(), used.host
    usable = scheme in {"http", "https"} and _HOST.fullmatch(host)
    return Origin(address, f"{scheme}://{host}" if usable else None)


def _hops(headers: Mapping[str, str]) -> list[_Hop]:
    """What each proxy wrote, the nearest to us last."""
    if headers.get("Forwarded"):
        return [_element(element) for element in _last(headers["Forwarded"])]
    addresses = [_address(text) for text in _listed(headers, "X-Forwarded-For")]
    proto, host = ((_listed(headers, name) or [""])[-1] for name in ("X-Forwarded-Proto", "X-Forwarded-Host"))
    # These two are replaced by each proxy, not extended: they belong to the whole way.
    return [_Hop(address, proto, host) for address in addresses] or [_Hop(None, proto, host)]


def _element(text: str) -> _Hop:
    # Pair by pair: searching would try each character of what matches nowhere, and take seconds for a long field.
    read = (_PAIR.fullmatch(pair) for pair in text.split(";"))
    pairs = {pair[1].lower(): pair[2] or pair[3] for pair in read if pair}
    return _Hop(_address(pairs.get("for", "")), pairs.get("proto", ""), pairs.get("host", ""))


def _listed(headers: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in _last(headers.get(name, "")) if part.strip()]


def _last(listed: str) -> list[str]:
    """The members that are looked at; how many there are is the client's to say."""
    return listed.rsplit(",", MAX_HOPS)[-MAX_HOPS:]


def _address(text: str) -> str | None:
    """`192.0.2.7`, `192.0.2.7:1234`, `[2001:db8::7]:1234`; None for `unknown`, `_hidden` and nonsense."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Whether a peer at *address* is one of the operator's proxies."""
    if not trusted:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
