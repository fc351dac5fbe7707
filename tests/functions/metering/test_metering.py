"""The queue's consumer: exact totals whatever the queue does, and quotas that act."""

import itertools
import json
import random

import pytest

from functions.domain.usage import UsageTotal
from shared.tiers import Overrides, Tier
from tests.functions.world import Beating, World

GB = 10**9


def report(
    account: str, received: int, sent: int = 0, *, node: str = "node1", boot: str = "bootbootboota222",
    month: str = "2026-11", **changes: object,
) -> dict[str, object]:  # fmt: skip
    """A usage report with one entry."""
    entry = {"account": account, "month": month, "received": received, "sent": sent}
    return {"v": 1, "node": node, "boot": boot, "seq": 1, "at": 0.0, "entries": [entry]} | changes


def test_totals_survive_duplicates_disorder_and_loss(world: World) -> None:
    """As long as the last report of each life arrives at all, the sum is exact."""
    rng = random.Random(4)  # noqa: S311 - a reproducible shuffle
    messages, truth = [], 0
    for boot in ("a", "b", "c"):
        totals = list(itertools.accumulate(rng.randrange(10**9) for _ in range(12)))
        truth += totals[-1] + 3 * totals[-1]
        lossy = [total for total in totals[:-1] if rng.random() > 0.2] + [totals[-1]]
        messages += [report("acme", total, 3 * total, boot=boot) for total in lossy]
    messages += rng.choices(messages, k=10)
    rng.shuffle(messages)

    for start in range(0, len(messages), 10):
        assert world.consume(*messages[start : start + 10]) == []

    assert world.ledger.used("acme", "2026-11") == truth


def test_an_old_total_changes_nothing(world: World) -> None:
    """Nor does the same one again."""
    world.consume(report("acme", 500, 100))
    world.consume(report("acme", 400, 50))
    world.consume(report("acme", 500, 100))

    assert world.ledger.shards("acme", "2026-11") == [
        UsageTotal("acme", "2026-11", "node1", "bootbootboota222", 500, 100)
    ]


def test_months_are_kept_apart(world: World) -> None:
    """A session that runs into a new month has bytes in both."""
    world.consume(report("acme", 500), report("acme", 7, month="2026-12"))

    assert (world.ledger.used("acme", "2026-11"), world.ledger.used("acme", "2026-12")) == (500, 7)


BAD = [
    "", "{", "null", "[]", json.dumps(report("acme", -1)), json.dumps(report("acme", 1, v=2)),
    json.dumps(report("acme", 1, month="2026-13")), json.dumps(report("", 1)),
    json.dumps(report("acme", 1, entries=None)), json.dumps(report("acme", 1)).replace("1,", '"1",'),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_fails_alone(world: World, bad: str) -> None:
    """It goes to the dead-letter queue in the end; the others are merged now."""
    assert world.consume(report("acme", 5), bad, report("other", 6)) == [1]
    assert (world.ledger.used("acme", "2026-11"), world.ledger.used("other", "2026-11")) == (5, 6)


def test_a_full_quota_blocks_and_ends_sessions(world: World, node: Beating) -> None:
    """The account, its viewers, and whatever runs: the command is there at the next heartbeat."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=10 * GB))
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)

    assert world.consume(report("acme", 4 * GB, 6 * GB - 1)) == []
    assert world.beat(node).json["commands"] == []
    assert world.consume(report("acme", 4 * GB, 6 * GB + 1)) == []

    (command,) = world.beat(node).json["commands"]
    assert (command["reason"], command["account"]) == ("BANDWIDTH_EXCEEDED", "acme")
    node.streams.clear()
    world.beat(node)
    assert world.publish(key).code == "BANDWIDTH_EXCEEDED"
    assert world.watch(stream).code == "BANDWIDTH_EXCEEDED"


def test_who_passes_a_quota_again_on_the_same_boot_is_ended_again(world: World, node: Beating) -> None:
    """A node obeys a command's id once: after a raised quota, or a grant from before the block, there must be another."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=10 * GB))
    key, _ = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    world.consume(report("acme", 11 * GB))
    (first,) = world.beat(node).json["commands"]
    node.done = [first["id"]]
    node.streams.clear()
    assert world.beat(node).json["commands"] == []
    world.now += 60
    world.administer("PATCH", "accounts/acme", {"overrides": {"bytes": 20 * GB}})
    world.beat(node)
    node.publishes(world, world.publish(key))
    world.beat(node)

    world.consume(report("acme", 21 * GB))

    (second,) = world.beat(node).json["commands"]
    assert (second["reason"], second["account"]) == ("BANDWIDTH_EXCEEDED", "acme")
    assert second["id"] != first["id"]


def test_an_anonymous_quota_has_its_own_code(world: World, node: Beating) -> None:
    """In the command, and at the next attempt."""
    world.account("visitor", Tier.ANONYMOUS)
    key, stream = world.key("visitor")
    node.publishes(world, world.publish(key))
    world.beat(node)

    world.consume(report("visitor", 50 * GB))

    (command,) = world.beat(node).json["commands"]
    assert command["reason"] == "QUOTA_EXCEEDED"
    assert world.publish(key).text == '{"error": "Anonymous bandwidth quota exceeded", "code": "QUOTA_EXCEEDED"}'
    assert world.watch(stream).code == "QUOTA_EXCEEDED"


@pytest.mark.usefixtures("node")
def test_a_raised_limit_lets_in_again_without_more_work(world: World) -> None:
    """Publishers and viewers, at once."""
    world.account("acme", Tier.REGISTERED, Overrides(bytes=1 * GB))
    key, stream = world.key("acme")
    world.consume(report("acme", 2 * GB))
    assert world.publish(key).code == "BANDWIDTH_EXCEEDED"

    assert world.administer("PATCH", "accounts/acme", {"overrides": {"bytes": 3 * GB}}).status == 200

    assert world.watch(stream).code == "STREAM_OFFLINE"
    assert world.publish(key).status == 307


def test_a_limit_that_was_raised_meanwhile_is_not_overruled(world: World) -> None:
    """The quota is compared inside the write."""
    world.account("acme", Tier.REGISTERED)

    assert world.ledger.block("acme", "2026-11", 199 * GB) is None
    assert world.ledger.block("acme", "2026-11", 200 * GB) is not None


@pytest.mark.usefixtures("node")
def test_a_late_report_of_a_past_month_blocks_nobody(world: World) -> None:
    """It is counted where it belongs, and that month is over."""
    world.account("acme", Tier.REGISTERED)
    key, _ = world.key("acme")

    world.consume(report("acme", 900 * GB, month="2026-10"))

    assert world.ledger.used("acme", "2026-10") == 900 * GB
    assert world.publish(key).status == 307


def test_usage_of_an_account_that_is_gone_is_kept(world: World) -> None:
    """Bytes are bytes; there is nobody to block."""
    assert world.consume(report("nobody", 900 * GB)) == []
    assert world.ledger.used("nobody", "2026-11") == 900 * GB


def test_a_store_that_is_gone_fails_the_batch_not_the_function(world: World) -> None:
    """SQS brings the records again."""
    world.client.delete_table(TableName="accounts")

    assert world.consume(report("acme", 1), report("other", 1)) == [0, 1]


@pytest.mark.usefixtures("node")
def test_a_key_made_while_blocked_is_blocked(world: World) -> None:
    """And so are the viewers of its stream."""
    world.account("acme", Tier.REGISTERED)
    world.consume(report("acme", 200 * GB))
    key, stream = world.key("acme")

    assert world.publish(key).code == "BANDWIDTH_EXCEEDED"
    assert world.watch(stream).code == "BANDWIDTH_EXCEEDED"
