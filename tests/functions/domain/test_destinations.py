"""Where webhooks may go: the table of what is refused, and the property that nothing else than the public Internet is left."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.destinations import Destination, Reach, allowed, destination

REFUSED = (
    "0.0.0.1", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3",
    "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a9fe:a9fe::1", "3fff::1", "fc00::1", "fd00:ec2::254",
    "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1",
    "", "localhost", "127.1", "0x7f.1", "2130706433", "1.2.3.4.5", "010.0.0.1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "52.95.110.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
          "2606:4700::1111", "2a00:1450::1", "2600:1f18::1")  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    """Private, loopback, link-local, carrier-grade NAT, reserved, multicast, and IPv4 in any IPv6 dress."""
    assert not allowed(address, Reach.PUBLIC)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """Right up to the edges of what is refused."""
    assert allowed(address, Reach.PUBLIC)


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_nothing_is_allowed_that_the_standard_library_calls_special(address: IPv4Address | IPv6Address) -> None:
    """Whatever else our list may miss is caught by somebody else's."""
    if allowed(str(address), Reach.PUBLIC):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_link_local))


@given(st.integers(0, 2**32 - 1))
def test_ipv4_is_never_reached_through_ipv6(number: int) -> None:
    """Mapped, compatible, translated (NAT64) or tunnelled (6to4, Teredo)."""
    tail = f"{number >> 16:x}:{number & 0xFFFF:x}"
    tunnelled = f"2002:{tail}::1"

    assert not any(
        allowed(text, reach)
        for text in (f"::ffff:{tail}", f"::{tail}" if number > 1 else "::", f"64:ff9b::{tail}", tunnelled)
        for reach in Reach
    )


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fe80::1", "224.0.0.1", "0.1.2.3", "::"])
def test_not_even_a_local_stack_reaches_metadata(address: str) -> None:
    """`local` adds this machine and private networks, nothing else."""
    assert not allowed(address, Reach.LOCAL)
    assert allowed("127.0.0.1", Reach.LOCAL)
    assert allowed("192.168.1.1", Reach.LOCAL)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.com/", "Only https"),
        ("ftp://example.com/", "Only https"),
        ("file:///etc/passwd", "Only https"),
        ("gopher://127.0.0.1:25/x", "Only https"),
        ("https://", "neither a name nor an address"),
        ("https:///path", "neither a name nor an address"),
        ("example.com", "Only https"),
        ("", "visible ASCII"),
        ("https://user:word@example.com/", "a user"),
        ("https://example.com@127.0.0.1/", "a user"),
        ("https://example.com/#part", "a fragment"),
        ("https://example.com\\@127.0.0.1/", "a user"),
        ("https://example.com/a b", "visible ASCII"),
        ("https://example.com/\r\nHost: other", "visible ASCII"),
        ("https://exämple.com/", "visible ASCII"),
        ("https://example.com:22/", "The port"),
        ("https://example.com:80/", "The port"),
        ("https://example.com:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://127.0.0.1/", "not a public one"),
        ("https://[::1]/", "not a public one"),
        ("https://[::ffff:10.0.0.1]/", "not a public one"),
        ("https://169.254.169.254/latest/meta-data", "not a public one"),
        ("https://2130706433/", "neither a name nor an address"),
        ("https://127.1/", "neither a name nor an address"),
        ("https://0x7f000001/", "neither a name nor an address"),
        ("https://" + "a" * 2050, "2048"),
        ("https://" + "a" * 64 + ".com/", "neither a name nor an address"),
    ],
)
def test_urls_that_cannot_be_receivers_are_refused(url: str, says: str) -> None:
    """With a sentence for the owner, before anything is resolved."""
    said = destination(url, Reach.PUBLIC)

    assert isinstance(said, str)
    assert says in said


@pytest.mark.parametrize(
    ("url", "reach", "expected"),
    [
        ("https://example.com", Reach.PUBLIC, Destination("example.com", 443, tls=True, target="/")),
        (
            "https://hooks.example.com/in?x=1",
            Reach.PUBLIC,
            Destination("hooks.example.com", 443, tls=True, target="/in?x=1"),
        ),
        ("https://example.com:8443/in", Reach.PUBLIC, Destination("example.com", 8443, tls=True, target="/in")),
        ("https://[2606:4700::1111]/", Reach.PUBLIC, Destination("2606:4700::1111", 443, tls=True, target="/")),
        ("http://127.0.0.1:9000/in", Reach.LOCAL, Destination("127.0.0.1", 9000, tls=False, target="/in")),
        ("http://localhost/in", Reach.LOCAL, Destination("localhost", 80, tls=False, target="/in")),
    ],
)
def test_a_receiver_is_taken_apart(url: str, reach: Reach, expected: Destination) -> None:
    """Host, port and what the request line says."""
    assert destination(url, reach) == expected


@given(st.text())
def test_any_text_is_a_destination_or_a_sentence(text: str) -> None:
    """And a literal address in it is always an allowed one."""
    for url in (text, f"https://{text}", f"https://{text}/x"):
        found = destination(url, Reach.PUBLIC)
        if isinstance(found, Destination):
            try:
                ip_address(found.host)
            except ValueError:
                continue
            assert allowed(found.host, Reach.PUBLIC)
