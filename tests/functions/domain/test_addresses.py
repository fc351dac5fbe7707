"""What is kept of a client's address, and what counts as one client."""

import pytest

from functions.domain.addresses import client_of, shortened


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("example.com", "unknown"),
        ("203.0.113.7, 10.0.0.1", "unknown"),
    ],
)
def test_an_address_is_kept_as_its_network(address: str, network: str) -> None:
    """/24 and /48; what is no address is not kept at all."""
    assert shortened(address) == network


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("nowhere", "unknown"),
    ],
)
def test_one_client_is_an_address_or_a_subscriber_network(address: str, client: str) -> None:
    """An IPv6 subscriber can choose among the addresses of a /64."""
    assert client_of(address) == client
