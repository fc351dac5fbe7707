"""What anybody may read, through real payload-2.0 events."""

import json

import pytest

from shared.tiers import TIERS
from tests.functions.public.conftest import Get
from tests.functions.world import Beating, World

STREAM = "a" * 16


def live(world: World, node: Beating, **changes: int) -> str:
    """A stream that is live on *node*."""
    world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key), **changes)
    world.beat(node)
    return stream


def test_a_live_stream_is_told_with_viewers_and_limit(get: Get, world: World, node: Beating) -> None:
    """What the watch page and a publisher's own page ask every few seconds."""
    stream = live(world, node, viewers=3)

    answer = get(f"/v1/streams/{stream}")

    assert answer.status == 200
    assert answer.json == {
        "stream_id": stream,
        "live": True,
        "viewers": 3,
        "limit": 20,
        "since": world.now,
        "problems": [],
    }
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_state_costs_one_eventually_consistent_read(get: Get, world: World, node: Beating) -> None:
    """Waiting viewers ask for it again and again."""
    stream = live(world, node)

    get(f"/v1/streams/{stream}")

    (call,) = world.calls["public"]
    assert (call.action, call.consistent, call.write_units) == ("dynamodb:BatchGetItem", False, 0)


def test_a_stream_that_nobody_publishes_is_offline(get: Get, world: World) -> None:
    """The limit is known all the same."""
    world.account("acme")
    _, stream = world.key("acme")

    assert get(f"/v1/streams/{stream}").json == {
        "stream_id": stream,
        "live": False,
        "viewers": 0,
        "limit": 20,
        "since": None,
        "problems": [],
    }


def test_a_stream_on_a_dead_node_is_offline(get: Get, world: World, node: Beating) -> None:
    """A node that was not heard of for its lease holds nothing any more, whatever it said last."""
    stream = live(world, node)
    world.now += 11

    assert get(f"/v1/streams/{stream}").json["live"] is False


def test_a_stream_of_a_node_s_former_life_is_offline(get: Get, world: World, node: Beating) -> None:
    """A restarted node has lost its sessions, and says so by its new boot."""
    stream = live(world, node)
    world.now += 1
    world.beat(Beating(boot="bootbootbootb222", started_at=world.now))

    assert get(f"/v1/streams/{stream}").json["live"] is False


@pytest.mark.parametrize("stream", [STREAM, "A" * 16, "short", "live_" + "a" * 32, "%00", "a" * 5000])
def test_what_is_no_stream_is_not_found(get: Get, stream: str) -> None:
    """One refusal for unknown and for impossible ids."""
    answer = get(f"/v1/streams/{stream}")

    assert (answer.status, answer.code) == (404, "STREAM_NOT_FOUND")


def test_the_tiers_are_the_contract_s(get: Get) -> None:
    """In the order of the table, with what each may use."""
    answer = get("/v1/tiers")

    assert [tier.value for tier in TIERS] == [row["tier"] for row in answer.json["tiers"]]
    assert answer.json["tiers"][0] == {
        "tier": "anonymous",
        "streams": 1,
        "bytes": 50_000_000_000,
        "viewers": 20,
        "kbps": 6000,
        "protocols": ["whep", "whip"],
        "hls_embed": "none",
    }


def test_the_public_keys_are_the_signer_s(get: Get, world: World) -> None:
    """As nodes get them, and nothing private among them."""
    answer = get("/.well-known/jwks.json")

    assert answer.json == json.loads(world.jwks)
    assert "max-age=300" in answer.headers["Cache-Control"]


def test_public_keys_that_cannot_be_read_are_unavailable(get: Get, world: World) -> None:
    """A parameter that is not there yet is a 503, never a traceback."""
    world.ssm.delete_parameter(Name=world.settings.jwks_parameter)

    answer = get("/.well-known/jwks.json")

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")


def test_a_table_that_is_gone_is_unavailable(get: Get, world: World) -> None:
    """A 503 that says when to come back."""
    world.client.delete_table(TableName=world.settings.fleet_table)

    answer = get(f"/v1/streams/{STREAM}")

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")


def test_preflights_are_answered_without_credentials(get: Get) -> None:
    """200, with the methods and headers that real clients ask for."""
    answer = get("/v1/account", method="OPTIONS")

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


def test_an_unknown_address_is_refused_like_anything_else(get: Get) -> None:
    """The same body as every refusal, with CORS."""
    answer = get("/v1/nothing", accept="*/*")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
