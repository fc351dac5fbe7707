"""Warnings before a quota is full, and the way back in when it is raised or the month is over."""

import pytest

from functions.domain.quota import Crossing
from functions.edge.observability import LambdaLog
from functions.metering import handler
from functions.storage.dynamo import Dynamo
from shared.tiers import Overrides, Tier
from tests.functions.metering.test_metering import GB, report
from tests.functions.world import Beating, World


@pytest.fixture
def told(world: World) -> list[Crossing]:
    """The events that metering puts on the bus."""
    found: list[Crossing] = []
    world.metering = handler.build(
        world.settings, LambdaLog("metering"), Dynamo(world._client("metering")), clock=world.clock, tell=found.append
    )
    return found


def test_every_mark_is_told_once_with_its_figures(world: World, told: list[Crossing]) -> None:
    """80, 95 and 100 %, whatever the queue repeats and however the nodes share."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=100 * GB))

    world.consume(report("acme", 79 * GB))
    assert told == []
    world.consume(report("acme", 79 * GB), report("acme", 1 * GB, node="node2", boot="bootbootbootb222"))
    world.consume(report("acme", 79 * GB), report("acme", 1 * GB, node="node2", boot="bootbootbootb222"))
    assert told == [Crossing("acme", "2026-11", 80, 80 * GB, 100 * GB)]
    world.consume(report("acme", 101 * GB))

    assert [crossing.percent for crossing in told] == [80, 95, 100]
    assert told[-1].used == 102 * GB


def test_a_raised_quota_has_marks_of_its_own(world: World, told: list[Crossing]) -> None:
    """What was told of the old one does not count."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=100 * GB))
    world.consume(report("acme", 100 * GB))
    told.clear()
    world.administer("PATCH", "accounts/acme", {"overrides": {"bytes": 200 * GB}})

    world.consume(report("acme", 120 * GB))
    assert told == []
    world.consume(report("acme", 160 * GB))

    assert [crossing.percent for crossing in told] == [80]


def test_what_could_not_be_told_is_told_again(world: World, told: list[Crossing]) -> None:
    """Told first, remembered then: a crash in between tells twice, never not at all."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=100 * GB))

    def crash(_: Crossing) -> None:
        raise RuntimeError("killed")

    healthy, world.metering._tell = world.metering._tell, crash
    with pytest.raises(RuntimeError):
        world.consume(report("acme", 80 * GB))
    world.metering._tell = healthy
    world.consume(report("acme", 80 * GB))

    assert [crossing.percent for crossing in told] == [80]


def ended_by_quota(world: World, node: Beating) -> tuple[str, str]:
    """A key and its stream whose session a full quota has ended."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=10 * GB))
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    world.consume(report("acme", 11 * GB))
    (command,) = world.beat(node).json["commands"]
    assert command["reason"] == "BANDWIDTH_EXCEEDED"
    node.streams.clear()
    world.beat(node)
    assert world.publish(key).code == world.watch(stream).code == "BANDWIDTH_EXCEEDED"
    return key, stream


def test_a_raised_override_lets_an_ended_session_in_again(world: World, node: Beating) -> None:
    """At its next attempt, and it is not ended a second time by what waits in the queue."""
    key, stream = ended_by_quota(world, node)

    world.administer("PATCH", "accounts/acme", {"overrides": {"bytes": 20 * GB}})
    node.publishes(world, world.publish(key))
    assert world.beat(node).json["commands"] == []
    world.consume(report("acme", 12 * GB))

    assert world.beat(node).json["commands"] == []
    assert world.watch(stream).status == 307


def test_a_new_month_lets_an_ended_session_in_again(world: World, node: Beating) -> None:
    """Nobody lifts anything: the block was for the month that is over."""
    key, stream = ended_by_quota(world, node)

    world.now = 1_796_083_200.0  # 2026-12-01, 0:00 UTC
    world.beat(node)
    node.publishes(world, world.publish(key))
    assert world.beat(node).json["commands"] == []
    world.consume(report("acme", 12 * GB), report("acme", 9 * GB, month="2026-12"))

    assert world.beat(node).json["commands"] == []
    assert world.watch(stream).status == 307
