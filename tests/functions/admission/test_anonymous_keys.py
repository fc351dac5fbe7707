"""Anonymous keys over HTTP: how many, whose they are, and what they may."""

import pytest

from functions.domain.addresses import client_of
from functions.domain.provision import ANONYMOUS_STREAMS, anonymous_account
from tests.functions.world import NOW, Answer, Beating, World, changed, load_event

GB = 10**9


def ask(world: World, address: str = "203.0.113.7") -> dict[str, str]:
    """What POST /v1/anonymous gives a client at *address*."""
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
    assert (claims.account[:5], claims.tier, claims.max_viewers) == ("anon-", "anonymous", 20)
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


def account_of(world: World, key: str) -> str:
    """The account that a key's grant names."""
    return world.verified(world.publish(key)).claims.account


def used(world: World, account: str, received: int, month: str = "2026-11") -> None:
    """Let a node report the bytes of an account."""
    entry = {"account": account, "month": month, "received": received, "sent": 0}
    assert world.consume({"v": 1, "node": "node1", "boot": month, "seq": 1, "at": 0.0, "entries": [entry]}) == []


@pytest.mark.usefixtures("node")
def test_all_keys_of_an_address_share_one_quota(world: World) -> None:
    """IPv6 by /64; another address has its own."""
    first, second = ask(world, "2001:db8:1:2::1"), ask(world, "2001:db8:1:2:ffff::9")
    other = ask(world, "2001:db8:1:3::1")
    shared = account_of(world, first["stream_key"])
    assert account_of(world, second["stream_key"]) == shared != account_of(world, other["stream_key"])
    assert len(world.slots(shared)) == 2

    used(world, shared, 50 * GB)

    for made in (first, second):
        assert world.publish(made["stream_key"]).code == "QUOTA_EXCEEDED"
        assert world.watch(made["stream_id"]).code == "QUOTA_EXCEEDED"
    assert world.publish(other["stream_key"]).status == 307


def test_a_used_up_address_gets_no_new_key_until_the_month_is_over(world: World, node: Beating) -> None:
    """`QUOTA_EXCEEDED` where a key is asked for; then the new month lets its old keys and new ones in."""
    made = ask(world)
    used(world, account_of(world, made["stream_key"]), 50 * GB)

    refused: Answer = world.request(load_event("anonymous"))
    assert (refused.status, refused.code) == (429, "QUOTA_EXCEEDED")
    ask(world, "203.0.113.8")

    world.now = 1_796_083_200.0  # 2026-12-01, 0:00 UTC
    world.beat(node)
    assert world.publish(made["stream_key"]).status == 307
    assert world.publish(ask(world)["stream_key"]).status == 307


def test_every_session_of_the_address_is_ended(world: World, node: Beating) -> None:
    """By the next heartbeat after the report that filled the quota, with the documented code."""
    keys = [ask(world)["stream_key"] for _ in range(2)]
    shared = set()
    for key in keys:
        answer = world.publish(key)
        node.publishes(world, answer)
        shared.add(world.verified(answer).claims.account)
    world.beat(node)
    (account,) = shared

    used(world, account, 50 * GB)

    (command,) = world.beat(node).json["commands"]
    assert (command["reason"], command["account"]) == ("QUOTA_EXCEEDED", account)


def test_an_address_is_not_stored_and_not_told_from_its_account(world: World) -> None:
    """The name is a hash with a salt of the table's own; function processes agree on it."""
    ask(world, "203.0.113.77")
    world.admission = world.new_admission()
    key = ask(world, "203.0.113.77")["stream_key"]
    world.beat(Beating())
    account = account_of(world, key)

    items = world.client.scan(TableName=world.settings.accounts_table)["Items"]
    salt = next(item["salt"]["S"] for item in items if item["pk"]["S"] == "SALT")
    assert "203.0.113" not in str(items)
    assert sum(item["sk"]["S"] == "ACCOUNT" for item in items) == 1
    assert account == anonymous_account(salt, client_of("203.0.113.77"), NOW).id
    assert account != anonymous_account("another", client_of("203.0.113.77"), NOW).id


def test_an_anonymous_account_lives_as_long_as_its_youngest_key(world: World) -> None:
    """The table would drop it otherwise, and its keys would publish nothing."""
    ask(world)
    world.now += 20 * 86400
    ask(world)

    items = world.client.scan(TableName=world.settings.accounts_table)["Items"]
    lives = {item["sk"]["S"][:4]: int(item["ttl"]["N"]) for item in items if "ttl" in item}
    assert lives["ACCO"] == max(lives.values()) == int(world.now) + 37 * 86400


@pytest.mark.usefixtures("node")
def test_the_streams_of_an_address_are_bounded(world: World) -> None:
    """More people than one can be behind it, but its roster has to stay small."""
    made = [ask(world)["stream_key"]]
    for _ in range(ANONYMOUS_STREAMS):
        world.now += 60
        made.append(ask(world)["stream_key"])
    world.beat(Beating())

    answers = [world.publish(key) for key in made]

    assert [answer.status for answer in answers] == [307] * ANONYMOUS_STREAMS + [429]
    assert answers[-1].code == "STREAM_LIMIT_REACHED"
