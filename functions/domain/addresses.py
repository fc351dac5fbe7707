"""Client addresses: what counts as one client for rate limits, and the shortened form that may be kept and shown. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network that one IPv6 subscriber chooses addresses from."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return UNKNOWN if parsed is None else str(parsed)


def shortened(address: str) -> str:
    """The network of *address*, an IPv4 /24 or an IPv6 /48: enough for an owner to recognise it, too little to find a person."""
    parsed = _parsed(address)
    if parsed is None:
        return UNKNOWN
    return str(ip_network((parsed, 24 if isinstance(parsed, IPv4Address) else 48), strict=False))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        # A zone (`fe80::1%eth0`) is nobody's business but the host's.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
