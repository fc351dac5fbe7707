"""One owner's keys, however many were ever made, hold up nobody: not the owner's own block, not a neighbour's metering.

Time is counted, not measured: every call to the store takes as long as DynamoDB's slow ones do, on the clock that says how
much of the invocation is left. What is proven so holds on any machine.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from functions.domain.accounts import Account, Key, Stream
from functions.domain.provision import CreatedKey, create_key
from functions.edge.observability import LambdaLog
from functions.metering import handler
from functions.storage.dynamo import Dynamo
from functions.storage.items.key import key_item, owned_item
from functions.storage.items.stream import stream_item
from functions.storage.registry import Registry
from shared.keys import new_stream_id, new_stream_key
from shared.tiers import Overrides, Tier
from tests.functions.metering.test_metering import GB, report
from tests.functions.world import Answer, Beating, World

CALL_SECONDS = 0.01
LAMBDA_SECONDS = 10.0
"""An owner is blocked within that of the message, and metering has three times as much."""


class Timed:
    """Counts the seconds that the calls of a function take."""

    def __init__(self, world: World, function: str) -> None:
        self.seconds = 0.0
        self.limit = LAMBDA_SECONDS
        self.client = world._client(function)
        self.client.meta.events.register("before-call.dynamodb.*", self._count)

    def _count(self, **_: Any) -> None:
        self.seconds += CALL_SECONDS

    def left(self) -> float:
        """The seconds that are left of the invocation."""
        return self.limit - self.seconds


def made_and_revoked(world: World, account: str, count: int) -> None:
    """So many keys that are over, as they were left before keys that are over were moved away."""
    number = iter(range(10**9))

    def random(size: int) -> bytes:
        return next(number).to_bytes(8, "big").rjust(size, b"\x01")

    found = world.registry.account(account)
    assert found is not None
    limits = found.limits
    items: list[dict[str, Any]] = []
    for _ in range(count):
        stream = new_stream_id(random)
        key = Key(new_stream_key(random).digest, account, stream, created=world.now - 9, revoked_at=world.now - 5)
        carried = Stream(stream, account, found.tier, limits.viewers, limits.kbps, limits.protocols)
        items += [owned_item(key), key_item(key), stream_item(carried)]
    world.dynamo.put_all(world.settings.accounts_table, items)


@pytest.fixture
def timed(world: World) -> Iterator[Timed]:
    """A metering that runs within Lambda's limit of time."""
    timed = Timed(world, "metering")
    world.metering = handler.build(
        world.settings,
        LambdaLog("metering"),
        Dynamo(timed.client),
        clock=world.clock,
        events=lambda: world._events("metering"),
        left=timed.left,
    )
    yield timed
    assert timed.seconds < LAMBDA_SECONDS


def live(world: World, node: Beating, account: str, quota: int) -> tuple[str, str]:
    """An account with a stream that is live; its key and stream."""
    world.account(account, Tier.STUDIO_PRO, Overrides(bytes=quota))
    key, stream = world.key(account)
    node.publishes(world, world.publish(key))
    world.beat(node)
    return key, stream


@pytest.mark.long
def test_who_ever_made_5000_keys_is_blocked_at_once_and_the_neighbour_metered_exactly(
    world: World, node: Beating, timed: Timed
) -> None:
    """Both in one message, the owner of many keys first."""
    key, stream = live(world, node, "acme", 10 * GB)
    made_and_revoked(world, "acme", 5000)
    neighbours, _ = live(world, node, "neighbour", 10 * GB)
    entries = [
        {"account": name, "month": "2026-11", "received": size, "sent": 1}
        for name, size in (("acme", 11 * GB), ("neighbour", 9 * GB))
    ]

    assert world.consume(report("x", 0, entries=entries)) == []

    assert timed.seconds < 0.5
    assert world.ledger.used("neighbour", "2026-11") == 9 * GB + 1
    (command,) = world.beat(node).json["commands"]
    assert (command["reason"], command["account"]) == ("BANDWIDTH_EXCEEDED", "acme")
    assert world.watch(stream).code == world.publish(key).code == "BANDWIDTH_EXCEEDED"
    assert world.publish(neighbours).code == "KEY_ALREADY_IN_USE"


@pytest.mark.long
def test_all_totals_are_merged_before_any_account_is_dealt_with(world: World, node: Beating, timed: Timed) -> None:
    """Also those behind one with many streams at a time, when time ends in the middle of dealing with it."""
    world.account("acme", Tier.STUDIO_PRO, Overrides(streams=40, bytes=GB))
    for _ in range(40):
        node.publishes(world, world.publish(world.key("acme")[0]))
    world.beat(node)
    others = [f"other-{number}" for number in range(20)]
    timed.limit = 0.35

    messages = [report("acme", 2 * GB), *(report(name, 5) for name in others)]
    failed = world.consume(*messages)

    assert {world.ledger.used(name, "2026-11") for name in others} == {5}
    assert world.ledger.used("acme", "2026-11") == 2 * GB
    assert failed, "who could not be judged comes again"
    for attempt in (2, 3):
        timed.seconds = 0
        messages = [body for number, body in enumerate(messages) if number in failed]
        failed = world.consume(*messages, attempt=attempt)
    assert failed == []


def test_a_message_that_is_too_much_for_one_invocation_goes_on_where_it_ended(world: World, timed: Timed) -> None:
    """Each attempt passes over what is merged: 300 accounts in time for 100 writes, in four attempts."""
    entries = [
        {"account": f"a{number}", "month": "2026-10", "received": number + 1, "sent": 0} for number in range(300)
    ]
    message = report("x", 0, entries=entries)
    timed.limit = 1.05
    attempts = 0
    while True:
        attempts += 1
        timed.seconds = 0
        if world.consume(message, attempt=attempts) == []:
            break
        assert attempts < 5

    assert attempts > 2
    assert [world.ledger.used(f"a{number}", "2026-10") for number in range(0, 300, 37)] == list(range(1, 301, 37))


def test_a_fault_in_one_account_s_work_comes_after_the_others_were_served(world: World, node: Beating) -> None:
    """It is raised, for somebody to see; the neighbour's quota acts all the same."""
    live(world, node, "acme", GB)
    key, _ = live(world, node, "neighbour", GB)

    def crash(_: object) -> None:
        raise RuntimeError("a bug")

    world.metering._tell = crash
    with pytest.raises(RuntimeError):
        world.consume(report("acme", 2 * GB), report("neighbour", 2 * GB))

    assert {command["account"] for command in world.beat(node).json["commands"]} == {"acme", "neighbour"}
    assert world.publish(key).code == "BANDWIDTH_EXCEEDED"


def test_a_raised_quota_is_not_overruled_by_what_was_read_before(world: World, node: Beating) -> None:
    """Between the reading of the account and its block the operator raises the quota: nothing ends."""
    live(world, node, "acme", GB)
    quota_of = world.metering._registry

    class Overtaken(Registry):
        """A registry after whose first answer the quota is raised."""

        def account(self, account: str) -> Account | None:
            """The account as it was."""
            found = super().account(account)
            world.administer("PATCH", "accounts/acme", {"overrides": {"bytes": 5 * GB}})
            return found

    world.metering._registry = Overtaken(quota_of._dynamo, quota_of._table)
    assert world.consume(report("acme", 2 * GB)) == []

    assert world.beat(node).json["commands"] == []


# Limits


def test_a_tier_change_with_2500_revoked_keys_is_whole_and_quick(world: World, node: Beating) -> None:
    """Live and idle streams have it when the answer is there, after as many writes as there are keys that are not over."""
    _, stream = live(world, node, "acme", GB)
    idle = [world.key("acme")[1] for _ in range(5)]
    made_and_revoked(world, "acme", 2500)
    world.calls["admin"].clear()

    answer = world.administer("PATCH", "accounts/acme", {"overrides": {"viewers": 321}})

    assert (answer.status, answer.json["viewers"]) == (200, 321)
    carried = [found.max_viewers for name in [stream, *idle] if (found := world.registry.stream(name)) is not None]
    assert carried == [321] * 6
    assert len(world.calls["admin"]) < 20


def test_a_stream_that_was_left_out_learns_its_limits_with_its_next_session(world: World, node: Beating) -> None:
    """No walk has to be whole for a limit to hold where it matters."""
    world.account("acme", Tier.STUDIO_PRO, Overrides(bytes=GB))
    key, stream = world.key("acme")
    acme = world.registry.account("acme")
    assert acme is not None
    world.registry.set_limits(acme, Tier.SOLO_CREATOR, Overrides(viewers=7))

    node.publishes(world, world.publish(key))
    world.beat(node)

    found = world.registry.stream(stream)
    assert found is not None
    assert (found.tier, found.max_viewers, found.live is not None) == (Tier.SOLO_CREATOR, 7, True)


def test_who_read_the_account_before_a_change_does_not_overrule_it(world: World, node: Beating) -> None:
    """A session's begin that is late with what it read: the stream keeps the newer limits, and is live."""
    world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    streams = world.metering._streams
    before = world.registry.account("acme")
    world.administer("PATCH", "accounts/acme", {"overrides": {"viewers": 7}})
    world.beat(node)
    live_ = world.registry.stream(stream)
    assert before is not None
    assert live_ is not None
    assert live_.live is not None

    streams.begin(stream, live_.live, before)

    found = world.registry.stream(stream)
    assert found is not None
    assert (found.max_viewers, found.live) == (7, live_.live)


# Keys


def new_key(world: World, token: str) -> Answer:
    """Make a new key for the account."""
    return world.own("POST", "/keys", token, {})


def test_what_is_over_neither_counts_nor_is_walked(world: World) -> None:
    """200 keys that publish are the most, whatever was made before; and the list holds those alone."""
    token = world.account("acme")
    acme = world.registry.account("acme")
    assert acme is not None
    made: list[CreatedKey] = [create_key(world.registry, acme, random=os.urandom, now=world.now) for _ in range(200)]
    assert new_key(world, token).code == "FORBIDDEN"

    assert world.own("DELETE", f"/keys/{made[0].stream}", token).status == 200
    at = {"at": str(world.now + 5)}
    assert world.own("DELETE", f"/keys/{made[1].stream}", token, query=at).status == 200
    assert new_key(world, token).status == 201
    assert new_key(world, token).code == "FORBIDDEN"
    world.now += 6
    assert new_key(world, token).status == 201

    assert len(list(world.registry.keys("acme"))) == 200
    assert {key.stream for key in world.registry.past("acme", 10)} == {made[0].stream, made[1].stream}


def test_keys_that_are_over_lapse(world: World) -> None:
    """Every item of theirs has a time at which the table drops it; a key that is valid has none."""
    token = world.account("acme")
    kept, gone = new_key(world, token).json, new_key(world, token).json
    rotated = world.own("POST", f"/keys/{gone['stream_id']}/rotate", token, {"overlap_seconds": 60}).json
    world.own("DELETE", f"/keys/{gone['stream_id']}", token)
    found = world.client.scan(TableName=world.settings.accounts_table)["Items"]

    def lapsing(item: dict[str, Any]) -> bool:
        return "ttl" in item

    of_gone = [item for item in found if item.get("stream", {}).get("S") == gone["stream_id"]]
    of_gone += [item for item in found if item["pk"]["S"] == f"STREAM#{gone['stream_id']}"]
    assert rotated
    assert len(of_gone) == 4
    assert all(map(lapsing, of_gone))
    of_kept = [item for item in found if kept["stream_id"] in str(item)]
    assert len(of_kept) == 3
    assert not any(map(lapsing, of_kept))


@pytest.mark.long
def test_making_keys_is_limited_per_account(world: World) -> None:
    """Who makes and revokes without end waits; a neighbour does not."""
    token, other = world.account("acme"), world.account("other")
    answers = []
    for _ in range(205):
        answers.append(new_key(world, token))
        if answers[-1].status == 201:
            world.own("DELETE", f"/keys/{answers[-1].json['stream_id']}", token)

    assert [answer.status for answer in answers].count(201) == 200
    assert (answers[-1].status, answers[-1].code) == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert new_key(world, other).status == 201
    world.now += 61
    assert new_key(world, token).status == 201


def test_few_old_secrets_of_a_key_overlap(world: World) -> None:
    """The sixth is refused, and one without an overlap ends them all."""
    token = world.account("acme")
    made = new_key(world, token).json
    path = f"/keys/{made['stream_id']}/rotate"
    for _ in range(5):
        assert world.own("POST", path, token, {"overlap_seconds": 3600}).status == 201

    assert world.own("POST", path, token, {"overlap_seconds": 3600}).code == "FORBIDDEN"
    assert world.own("POST", path, token, {}).status == 201
    assert world.own("POST", path, token, {"overlap_seconds": 3600}).status == 201
