"""Forwarded fields are believed from proxies of ours, and of theirs only what such proxies wrote."""

import time
from ipaddress import ip_network

import pytest

from sfu.signalling.forwarded import MAX_HOPS, Origin, origin_of

OURS = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))
PROXY, CLIENT = "10.1.2.3", "203.0.113.7"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1;proto=https;host=evil.example"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"},
    ],
)
def test_a_stranger_is_not_believed(headers: dict[str, str]) -> None:
    """Whatever it claims, it is who it is; and without a setting nobody is believed."""
    assert origin_of(CLIENT, headers, OURS) == Origin(CLIENT)
    assert origin_of(PROXY, headers, ()) == Origin(PROXY)


@pytest.mark.parametrize(
    ("headers", "address", "base_url"),
    [
        ({"X-Forwarded-For": CLIENT}, CLIENT, None),
        ({"X-Forwarded-For": f"192.0.2.1, {CLIENT}, 10.9.9.9"}, CLIENT, None),
        ({"X-Forwarded-For": f"{CLIENT}:4711"}, CLIENT, None),
        ({"X-Forwarded-For": "2001:db8::7"}, "2001:db8::7", None),
        ({"X-Forwarded-For": "10.9.9.9"}, "10.9.9.9", None),
        ({"X-Forwarded-For": "nonsense"}, PROXY, None),
        ({"X-Forwarded-For": f"{CLIENT}, nonsense"}, PROXY, None),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "edge.example"}, PROXY, "https://edge.example"),
        (
            {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "HTTPS", "X-Forwarded-Host": "edge.example:8443"},
            CLIENT,
            "https://edge.example:8443",
        ),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a/b?c"}, PROXY, None),
        ({"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "edge.example"}, PROXY, None),
        ({"Forwarded": f"for={CLIENT};proto=https;host=edge.example"}, CLIENT, "https://edge.example"),
        ({"Forwarded": 'For="[2001:db8::7]:4711"; proto=http; host="[2001:db8:1::1]:8889"'}, "2001:db8::7",
         "http://[2001:db8:1::1]:8889"),
        ({"Forwarded": f"for=192.0.2.1;host=evil.example;proto=https, for={CLIENT}, for=10.9.9.9"}, CLIENT, None),
        ({"Forwarded": "for=unknown"}, PROXY, None),
        ({"Forwarded": f"for={CLIENT}", "X-Forwarded-For": "192.0.2.9"}, CLIENT, None),
        ({}, PROXY, None),
    ],
)  # fmt: skip
def test_a_proxy_of_ours_says_who_the_client_is(headers: dict[str, str], address: str, base_url: str | None) -> None:
    """Read from the right: what is left of the first stranger is the stranger's own invention."""
    assert origin_of(PROXY, headers, OURS) == Origin(address, base_url)


def test_a_proxy_is_known_by_its_ipv4_address_on_a_dual_stack_socket() -> None:
    """Where the peer shows as ::ffff:a.b.c.d."""
    assert origin_of(f"::ffff:{PROXY}", {"X-Forwarded-For": CLIENT}, OURS).address == CLIENT


def test_a_long_list_costs_little() -> None:
    """Only its end is looked at."""
    listed = ", ".join(["10.9.9.9"] * 5000)

    assert origin_of(PROXY, {"X-Forwarded-For": listed}, OURS).address == "10.9.9.9"
    assert MAX_HOPS < 100


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"])
@pytest.mark.parametrize("text", ["a", ",", ";", " ", '"', "a=", "a,", "[::1],", "for=1.2.3.4;", 'a="', "a=b "])
def test_nonsense_without_end_costs_little(name: str, text: str) -> None:
    """Media stands still meanwhile, and a client of a proxy can write into its fields."""
    field = text * (96_000 // len(text))
    began = time.process_time()

    origin = origin_of(PROXY, {name: field}, OURS)

    assert time.process_time() - began < 0.5
    assert origin.base_url is None
