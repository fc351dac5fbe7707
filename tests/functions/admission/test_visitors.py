"""Anonymous keys over HTTP."""

import pytest

from tests.functions.world import Beating, World, changed, load_event


def ask(world: World, address: str = "203.0.113.7") -> dict[str, str]:
    """POST /v1/anonymous."""
    answer = world.request(changed(load_event("anonymous"), address=address))
    assert answer.status == 201
    found: dict[str, str] = answer.json
    return found


@pytest.mark.usefixtures("node")
def test_a_visitor_gets_a_key_that_publishes_at_once(world: World) -> None:
    """With the addresses to use, and the anonymous tier's limits."""
    made = ask(world)

    assert made["whip"] == f"https://api.example.com/{made['stream_key']}/whip"
    assert made["whep"] == f"https://api.example.com/{made['stream_id']}/whep"
    claims = world.verified(world.publish(made["stream_key"])).claims
    assert (claims.account, claims.tier, claims.max_viewers) == (f"anon-{made['stream_id']}", "anonymous", 20)
    assert made["stream_key"].startswith("anon_")


def test_an_address_gets_ten_keys_and_one_more_a_minute(world: World) -> None:
    """`RATE_LIMITED` with the seconds to wait; another address is not held up."""
    for _ in range(10):
        ask(world)

    refused = world.request(load_event("anonymous"))

    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "RATE_LIMITED", "60")
    ask(world, "203.0.113.8")
    world.now += 61
    ask(world)
    assert world.request(load_event("anonymous")).code == "RATE_LIMITED"


def test_an_ipv6_subscriber_is_one_client(world: World) -> None:
    """By /64: a subscriber can choose among the addresses in it."""
    for number in range(10):
        ask(world, f"2001:db8:1:2::{number:x}")

    refused = world.request(changed(load_event("anonymous"), address="2001:db8:1:2:ffff::1"))

    assert refused.code == "RATE_LIMITED"
    ask(world, "2001:db8:1:3::1")


def test_an_anonymous_key_lapses(world: World, node: Beating) -> None:
    """After thirty days, like a revoked one; the table drops it some days later."""
    made = ask(world)
    world.now += 31 * 86400
    world.beat(node)

    assert world.publish(made["stream_key"]).code == "INVALID_KEY"
