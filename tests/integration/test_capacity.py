"""What admission consumes, as DynamoDB itself would bill it: moto does not count item sizes, the emulator does."""

import os

import pytest

from functions.edge.settings import FunctionSettings
from shared.grants import Action
from shared.messages import MAX_STREAMS
from shared.tiers import Overrides, Tier
from tests.functions.world import Beating, Call, World


@pytest.fixture
def world(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions over tables of their own in the emulator."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    name = f"capacity-{os.urandom(4).hex()}"
    settings = FunctionSettings(
        f"{name}-accounts", f"{name}-fleet", f"/sluice/{name}/signer", f"/sluice/{name}/jwks", "local", name
    )
    return World(aws_endpoint, settings)


def calls(world: World) -> list[Call]:
    """What admission asked DynamoDB since the last time."""
    found = [call for call in world.calls["admission"] if call.action.startswith("dynamodb")]
    world.calls["admission"].clear()
    return found


def test_the_fullest_account_publishes_for_two_calls_and_two_write_units(world: World) -> None:
    """25 slots, all of them used and forced, on an account with overrides and the longest id."""
    node = Beating()
    world.beat(node)
    account = "a" * 40
    world.account(account, Tier.STUDIO_PRO, Overrides(bytes=10**13, viewers=1000, kbps=10**6))
    for _ in range(24):
        key, _ = world.key(account)
        node.publishes(world, world.publish(key))
        world.beat(node)
        node.publishes(world, world.publish(key, query={"force": "1"}))
        world.beat(node)
    key, stream = world.key(account)
    calls(world)

    answer = world.publish(key)

    made = calls(world)
    assert answer.status == 307
    assert [call.action for call in made] == ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
    assert sum(call.write_units for call in made) <= 2
    assert sum(call.read_units for call in made) <= 2
    found = world.registry.account(account)
    assert found is not None
    assert len(found.slots) == 25
    assert stream in found.slots


def test_a_viewer_costs_two_halves_of_a_read_unit_and_no_write(world: World) -> None:
    """And a refusal on a full stream no more than that, for the first of a crowd."""
    node = Beating()
    world.beat(node)
    world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    calls(world)

    assert world.verified(world.watch(stream), Action.PLAY).claims.stream == stream

    (made,) = calls(world)
    assert (made.action, made.consistent) == ("dynamodb:BatchGetItem", False)
    assert made.read_units <= 1
    assert made.write_units == 0


@pytest.mark.parametrize(
    ("days", "streams", "size", "units"), [(16, 4, 2**44, 1), (31, MAX_STREAMS, 10**10, 2), (31, MAX_STREAMS, 2**44, 3)]
)
def test_a_usage_report_costs_three_write_units_at_the_most(
    world: World, days: int, streams: int, size: int, units: int
) -> None:
    """One for half a month of a few streams; two with every day and as many streams as there can be; three where each has terabytes."""
    entry = {
        "account": "a" * 40, "month": "2026-11", "received": 2**46, "sent": 2**50,
        "days": {f"{day + 1:02}": [size // 16, size] for day in range(days)},
        "streams": {f"{number:016}": [size // 16, size] for number in range(streams)},
    }  # fmt: skip

    assert world.consume({"v": 1, "node": "n" * 40, "boot": "boot", "seq": 1, "at": 0.0, "entries": [entry]}) == []

    (write,) = (call for call in world.calls["metering"] if call.action == "dynamodb:UpdateItem")
    assert write.write_units == units
