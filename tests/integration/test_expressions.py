"""No expression grows with data: DynamoDB takes 4 KB of one at most, and the emulator holds us to it (moto does not)."""

import os

import pytest

from functions.domain.fleet import PendingCommand
from functions.edge.settings import FunctionSettings
from functions.storage.nodes import Nodes
from shared.tiers import Overrides, Tier
from tests.functions.world import Beating, World

STREAMS = 70


@pytest.fixture
def world(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions over tables of their own in the emulator."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    name = f"expressions-{os.urandom(4).hex()}"
    return World(
        aws_endpoint,
        FunctionSettings(
            f"{name}-accounts", f"{name}-fleet", f"/sluice/{name}/signer", f"/sluice/{name}/jwks", "", stack=name
        ),
    )


@pytest.mark.parametrize("limit", [STREAMS, 1])
def test_an_account_full_of_dead_grants_can_publish(world: World, limit: int) -> None:
    """As many slots as its limit is or was, none of them used and all over: they make way, however many must."""
    node = Beating()
    world.beat(node)
    world.account("acme", Tier.STUDIO_PRO, Overrides(streams=STREAMS))
    for _ in range(STREAMS):
        assert world.publish(world.key("acme")[0]).status == 307
    key, stream = world.key("acme")
    acme = world.registry.account("acme")
    assert acme is not None
    world.registry.set_limits(acme, Tier.STUDIO_PRO, Overrides(streams=limit))
    world.now += 60
    world.beat(node)

    assert world.publish(key).status == 307

    found = world.slots("acme")
    assert stream in found
    assert len(found) <= limit


@pytest.mark.parametrize("count", [101, 300])
def test_a_heartbeat_may_acknowledge_any_number_of_commands(world: World, count: int) -> None:
    """The longest names, each of them twice: they are gone, and the node keeps its lease."""
    node = Beating()
    world.beat(node)
    nodes = Nodes(world.dynamo, world.settings.fleet_table)
    ids = [f"{number:064}" for number in range(count)]
    for id_ in ids:
        nodes.leave_command(node.id, node.boot, PendingCommand(id_, "admin", session="s"))
    told = world.beat(node)
    assert [command["id"] for command in told.json["commands"]] == ids

    node.done = [*ids, *ids, "never-was"]
    answer = world.beat(node)

    assert answer.status == 200
    assert answer.json["commands"] == []
