"""The last refusals of a key: what its owner is shown, and what keeping them costs."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.storage.items.refusals import locate_refusals
from shared.tiers import Overrides, Tier
from tests.functions.world import Answer, Beating, World, changed, load_event


def refusals(world: World, token: str) -> list[dict[str, object]]:
    """The last refusals that the owner reads."""
    answer = world.read("account", "/v1/account/refusals", token)
    assert answer.status == 200
    found: list[dict[str, object]] = answer.json["refusals"]
    return found


def busy(world: World, node: Beating) -> tuple[str, str, str]:
    """An account whose key is in use: its token, the key, the stream."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    return token, key, stream


def refuse(world: World, key: str, node: Beating, address: str = "203.0.113.7") -> Answer:
    """Publish with a key whose publisher is heard of all the time."""

    def beat() -> None:
        world.beat(node)

    world.later += [(world.now + step / 5, beat) for step in range(1, 16)]
    answer = world.publish(key, address=address)
    world.later.clear()
    assert answer.code == "KEY_ALREADY_IN_USE"
    return answer


def test_an_owner_sees_when_why_and_from_where(world: World, node: Beating) -> None:
    """Time, code, protocol and the client's network; OBS shows nothing of it."""
    token, key, stream = busy(world, node)

    refuse(world, key, node)

    (found,) = refusals(world, token)
    assert found == {
        "at": world.now, "stream_id": stream, "label": "", "code": "KEY_ALREADY_IN_USE", "protocol": "whip",
        "address": "203.0.113.0/24", "problem": None, "say": None,
    }  # fmt: skip


def test_a_grant_that_is_asked_for_by_another_protocol_is_noted_with_it(world: World, node: Beating) -> None:
    """The protocol is the one that was refused."""
    token = world.account("acme", Tier.REGISTERED, Overrides(protocols=frozenset({"whip"})))
    key, _ = world.key("acme")
    world.beat(node)

    assert world.ask_grant({"key": key, "action": "publish", "protocol": "rtmp"}).code == "PROTOCOL_NOT_ALLOWED"

    (found,) = refusals(world, token)
    assert (found["code"], found["protocol"]) == ("PROTOCOL_NOT_ALLOWED", "rtmp")


def blocked(world: World, account: str = "acme") -> tuple[str, str]:
    """An account whose quota is used up: its token and a key."""
    token = world.account(account, Tier.REGISTERED, Overrides(bytes=10))
    world.ledger.block(account, "2026-11", 11)
    return token, world.key(account)[0]


@pytest.mark.usefixtures("node")
def test_an_encoder_that_posts_on_costs_no_more_writes(world: World) -> None:
    """One note in five seconds, in this process and in any other."""
    token, key = blocked(world)
    world.publish(key)
    world.calls["admission"].clear()

    for _ in range(20):
        assert world.publish(key).code == "BANDWIDTH_EXCEEDED"
    assert [call.action for call in world.calls["admission"]].count("dynamodb:UpdateItem") == 20

    world.now += 1
    world.admission = world.new_admission()
    world.publish(key)
    assert len(refusals(world, token)) == 1


def test_the_last_dozen_is_kept_newest_first_for_a_day(world: World, node: Beating) -> None:
    """The item neither grows nor outlives its day."""
    token, key = blocked(world)
    (stream,) = (owned.stream for owned in world.registry.keys("acme"))
    times = []
    for _ in range(15):
        world.now += 60
        world.beat(node)
        world.publish(key)
        times.append(world.now)

    assert [found["at"] for found in refusals(world, token)] == times[:2:-1]
    item = world.dynamo.get("accounts", locate_refusals("acme", stream))
    assert item is not None
    assert len(json.dumps(item)) < 1300, "about 900 bytes as DynamoDB counts them: one write unit"
    world.now = times[5] + 86400
    assert [found["at"] for found in refusals(world, token)] == times[:5:-1]


@pytest.mark.usefixtures("node")
def test_unknown_and_revoked_keys_are_not_noted(world: World) -> None:
    """No write tells that a key was one."""
    token = world.account("acme")
    key, stream = world.key("acme")
    owned = world.registry.key("acme", stream)
    assert owned is not None
    world.registry.revoke(owned, world.now)

    assert world.publish(key).code == world.publish("live_" + "a" * 32).code == "INVALID_KEY"

    assert refusals(world, token) == []


@pytest.mark.usefixtures("node")
def test_a_store_that_takes_no_note_changes_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is what counts."""
    token, key = blocked(world)
    rosters: Any = world.admission._dependencies.rosters
    client = rosters._dynamo._client
    update = client.update_item

    def throttled(**parameters: object) -> object:
        if "REFUSED#" in str(parameters["Key"]):
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")
        return update(**parameters)

    monkeypatch.setattr(client, "update_item", throttled)

    assert world.publish(key).code == "BANDWIDTH_EXCEEDED"
    assert refusals(world, token) == []


@pytest.mark.usefixtures("node")
def test_another_accounts_refusals_are_nowhere(world: World) -> None:
    """A token opens its own account only."""
    other = world.account("other")
    _, key = blocked(world)
    world.publish(key)

    assert refusals(world, other) == []


def test_viewers_are_not_noted(world: World, node: Beating) -> None:
    """Viewers cost no write (design.md, rule 4)."""
    token, _, stream = busy(world, node)
    node.streams.clear()
    world.beat(node)
    world.calls["admission"].clear()

    assert world.request(changed(load_event("whep"))).status == 404
    world.watch(stream)

    assert refusals(world, token) == []
    assert all(call.action != "dynamodb:UpdateItem" for call in world.calls["admission"])
