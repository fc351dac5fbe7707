"""The operator's API: accounts, keys, nodes, sessions, usage, and what it says to mistakes."""

from typing import Any

import pytest

from shared.tiers import Tier
from tests.functions.world import Beating, World


def test_an_account_is_made_shown_and_listed(world: World) -> None:
    """Its token is shown once."""
    made = world.administer("POST", "accounts", {"account": "acme", "tier": "creator_plus"})

    assert made.status == 201
    assert made.json["token"].startswith("acct_")
    shown = world.administer("GET", "accounts/acme")
    assert (shown.status, shown.json["streams"], shown.json["viewers"]) == (200, 10, 50)
    assert "token" not in shown.json
    assert [account["account"] for account in world.administer("GET", "accounts").json["accounts"]] == ["acme"]
    assert shown.headers["Cache-Control"] == "no-store"


def test_an_id_is_given_once(world: World) -> None:
    """409, and the account stays as it was."""
    world.account("acme", Tier.STUDIO_PRO)

    assert world.administer("POST", "accounts", {"account": "acme", "tier": "registered"}).status == 409
    assert world.administer("GET", "accounts/acme").json["tier"] == "studio_pro"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "account"), ({"account": "acme"}, "tier"), ({"account": "Acme!", "tier": "registered"}, "account"),
        ({"account": "a" * 41, "tier": "registered"}, "account"), ({"account": "acme", "tier": "gold"}, "tier"),
        ({"account": "acme", "tier": "registered", "colour": 1}, "colour"),
        ({"account": "acme", "tier": "registered", "overrides": {"streams": -1}}, "overrides.streams"),
        ({"account": "acme", "tier": "registered", "overrides": {"streams": "9"}}, "overrides.streams"),
        ({"account": "acme", "tier": "registered", "overrides": {"protocols": ["ftp"]}}, "overrides.protocols.0"),
        ({"account": "acme", "tier": "registered", "overrides": {"protocols": []}}, "overrides.protocols"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(world: World, body: dict[str, Any], field: str) -> None:
    """The answer is 400 and names it."""
    answer = world.administer("POST", "accounts", body)

    assert (answer.status, answer.code, answer.json["field"]) == (400, "INVALID_REQUEST", field)


def test_a_body_that_is_no_json(world: World) -> None:
    """The answer is 400, never a traceback."""
    assert world.administer("POST", "accounts", "{").status == 400


def test_a_lower_tier_holds_from_the_next_publish_on(world: World, node: Beating) -> None:
    """New ones count against the new limit at once; what runs above it is about to end (test_closing.py)."""
    world.account("acme", Tier.SOLO_CREATOR)
    keys = [world.key("acme")[0] for _ in range(3)]
    for key in keys[:2]:
        node.publishes(world, world.publish(key))
        world.beat(node)

    assert world.administer("PATCH", "accounts/acme", {"tier": "registered"}).status == 200

    refused = world.publish(keys[2])
    assert refused.json["current"] == 2
    assert refused.json["limit"] == 1
    assert len(world.slots("acme")) == 2


def test_a_key_is_made_listed_and_revoked(world: World, node: Beating) -> None:
    """Its secret is shown once; revoking ends its session by the next heartbeat."""
    world.account("acme")
    made = world.administer("POST", "accounts/acme/keys", {"label": "studio"}).json
    node.publishes(world, world.publish(made["stream_key"]))
    world.beat(node)

    (listed,) = world.administer("GET", "accounts/acme/keys").json["keys"]
    assert (listed["stream"], listed["label"], listed["revoked_at"]) == (made["stream"], "studio", None)
    assert made["stream_key"] not in str(listed)

    assert world.administer("DELETE", f"accounts/acme/keys/{made['stream']}").status == 200
    (command,) = world.beat(node).json["commands"]
    assert (command["reason"], command["stream"]) == ("revoked", made["stream"])


def test_refusals_are_listed_newest_first(world: World, node: Beating) -> None:
    """What encoders were told, whichever key of the account they used; the client's network, never its address."""
    world.account("acme", Tier.REGISTERED)
    first, stream = world.key("acme")
    second, other = world.key("acme")
    node.publishes(world, world.publish(first))
    world.beat(node)
    assert world.publish(second).code == "STREAM_LIMIT_REACHED"
    world.now += 6
    world.beat(node)
    assert world.publish(first).code == "KEY_ALREADY_IN_USE"

    told = world.administer("GET", "accounts/acme/refusals").json["refusals"]

    assert [(each["stream"], each["code"], each["protocol"]) for each in told] == [
        (stream, "KEY_ALREADY_IN_USE", "whip"),
        (other, "STREAM_LIMIT_REACHED", "whip"),
    ]
    assert all(each["address"].endswith("/24") for each in told)


def test_nodes_and_sessions_are_listed_and_a_session_is_ended(world: World, node: Beating) -> None:
    """Everything that runs, with its node; the end comes by the next heartbeat."""
    world.account("acme")
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key), viewers=3)
    world.beat(node)

    (listed,) = world.administer("GET", "nodes").json["nodes"]
    assert (listed["node"], listed["state"], listed["leased"]) == ("node1", "serving", True)
    (running,) = world.administer("GET", "sessions").json["sessions"]
    assert (running["session"], running["stream"], running["viewers"]) == (session, stream, 3)
    (slot,) = world.administer("GET", "accounts/acme").json["slots"]
    assert (slot["session"], slot["node"], slot["used"]) == (session, "node1", True)

    assert world.administer("DELETE", f"sessions/{session}").status == 200
    (command,) = world.beat(node).json["commands"]
    assert (command["reason"], command["session"]) == ("admin", session)


def test_usage_is_told_node_by_node(world: World) -> None:
    """In both directions, to the byte."""
    world.account("acme")
    entries = [{"account": "acme", "month": "2026-11", "received": 5, "sent": 7}]
    world.consume({"v": 1, "node": "node1", "boot": "b1", "seq": 1, "at": 0.0, "entries": entries})

    told = world.administer("GET", "accounts/acme/usage", query={"month": "2026-11"}).json

    assert told == {
        "account": "acme", "month": "2026-11", "used_bytes": 12, "quota_bytes": 200 * 10**9,
        "shards": [{"node": "node1", "boot": "b1", "received": 5, "sent": 7}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "accounts/nobody"), ("PATCH", "accounts/nobody"), ("GET", "accounts/nobody/usage"),
        ("GET", "accounts/nobody/refusals"),
        ("POST", "accounts/nobody/keys"), ("DELETE", "accounts/nobody/keys/x"), ("POST", "nodes/none/drain"),
        ("DELETE", "sessions/none"), ("GET", "nowhere"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(world: World, method: str, path: str) -> None:
    """404 with the documented body."""
    answer = world.administer(method, path)

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
