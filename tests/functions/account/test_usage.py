"""`GET /v1/account/usage`: a month by day and by stream, whatever the queue did to the reports."""

import json
import random
from typing import Any

import pytest

from sfu.control.meter import Meter
from shared.messages import MAX_STREAMS, UsageReport
from shared.tiers import Tier
from tests.functions.world import NOW, Answer, World

MONTH = "2026-11"


def ask(world: World, token: str | None, month: str | None = None) -> Answer:
    """The owner's view of a month."""
    return world.own("GET", "/usage", token, query=None if month is None else {"month": month})


def added(parts: list[dict[str, Any]]) -> tuple[int, int, int]:
    """The sum of the usage in *parts*."""
    return (
        sum(part["bytes"] for part in parts),
        sum(part["received"] for part in parts),
        sum(part["sent"] for part in parts),
    )


def whole(reply: dict[str, Any]) -> tuple[int, int, int]:
    """The total of the whole month."""
    return reply["bytes"], reply["received"], reply["sent"]


@pytest.mark.parametrize("seed", range(3))
def test_days_and_streams_add_up_to_the_month_whatever_the_queue_does(world: World, seed: int) -> None:
    """Nodes that restart; reports lost, repeated and shuffled, all but each life's last: sums and parts are exact."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible shuffle
    token = world.account("acme", Tier.SOLO_CREATOR)
    _, first = world.key("acme")
    _, second = world.key("acme")
    messages: list[str] = []
    days: dict[str, int] = {}
    streams: dict[str, int] = {}
    for boot in ("boota", "bootb", "bootc"):
        clock = [NOW - rng.randrange(10) * 86400]
        meter = Meter(lambda clock=clock: clock[0])  # type: ignore[misc]  # the clock of this turn
        reports = []
        for _ in range(8):
            for _ in range(rng.randrange(1, 6)):
                stream, size = rng.choice([first, second]), rng.randrange(10**9)
                (meter.received if rng.random() < 0.5 else meter.sent)("acme", size, stream)
                day = f"{MONTH}-{int(clock[0] // 86400) - 20757:02}"
                days[day] = days.get(day, 0) + size
                streams[stream] = streams.get(stream, 0) + size
            for entries in meter.pending():
                reports.append(UsageReport(node="node1", boot=boot, seq=1, at=NOW, entries=entries).model_dump_json())
                meter.acknowledge(entries if rng.random() < 0.8 else ())
            clock[0] = min(clock[0] + rng.randrange(40_000), NOW + 6 * 86400)
        messages += [report for report in reports[:-1] if rng.random() < 0.7] + [reports[-1]]
    messages += rng.choices(messages, k=8)
    rng.shuffle(messages)

    for start in range(0, len(messages), 10):
        assert world.consume(*messages[start : start + 10]) == []

    reply = ask(world, token).json
    assert whole(reply) == added(reply["days"]) == added(reply["streams"])
    assert {part["day"]: part["bytes"] for part in reply["days"]} == days
    assert {part["stream_id"]: part["bytes"] for part in reply["streams"]} == streams
    assert [part["day"] for part in reply["days"]] == sorted(days)
    assert reply["bytes"] == world.read("account", "/v1/account", token).json["usage"]["bytes"]


def report(received: int, sent: int, **parts: Any) -> dict[str, Any]:
    """A usage report of one entry."""
    entry = {"account": "acme", "month": MONTH, "received": received, "sent": sent, **parts}
    return {"v": 1, "node": "node1", "boot": parts.pop("boot", "boota"), "seq": 1, "at": 0.0, "entries": [entry]}


def test_reports_of_older_nodes_are_counted_and_not_attributed(world: World) -> None:
    """They say neither day nor stream; what they count is shown as such, beside what newer nodes say."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    _, stream = world.key("acme")
    world.consume(report(100, 20))
    newer = report(7, 3, days={"24": [7, 3]}, streams={stream: [7, 3]})
    world.consume({**newer, "boot": "bootb"})

    reply = ask(world, token).json

    assert whole(reply) == (130, 107, 23)
    assert [(part["day"], part["bytes"]) for part in reply["days"]] == [(f"{MONTH}-24", 10), (None, 120)]
    assert [(part["stream_id"], part["bytes"]) for part in reply["streams"]] == [(stream, 10), (None, 120)]


def test_a_division_that_is_more_than_the_whole_is_dropped_and_the_bytes_count(world: World) -> None:
    """A node with a bug in its divisions costs nobody a byte."""
    token = world.account("acme")
    world.consume(report(5, 5, days={"24": [6, 0]}, streams={"a" * 16: [2, 2]}))

    reply = ask(world, token).json

    assert [(part["day"], part["bytes"]) for part in reply["days"]] == [(None, 10)]
    assert [(part["stream_id"], part["bytes"]) for part in reply["streams"]] == [("a" * 16, 4), (None, 6)]


@pytest.mark.parametrize(
    "parts",
    [
        {"days": {"32": [1, 1]}}, {"days": {"1": [1, 1]}}, {"days": {"24": [1]}}, {"days": {"24": [-1, 1]}},
        {"days": [1]}, {"streams": {"a#b": [1, 1]}}, {"streams": {f"s{n}": [0, 0] for n in range(MAX_STREAMS + 1)}},
    ],
)  # fmt: skip
def test_a_malformed_division_is_kept_as_evidence(world: World, parts: dict[str, Any]) -> None:
    """Like every report that cannot be read: it fails alone and goes to the dead-letter queue."""
    assert world.consume(json.dumps(report(5, 5, **parts))) == [0]


def test_a_month_can_be_asked_for(world: World) -> None:
    """Another than the present one, one without bytes, and none that is no month."""
    token = world.account("acme")
    world.consume(report(1, 2, days={"24": [1, 2]}))

    assert ask(world, token, MONTH).json == ask(world, token).json
    empty = ask(world, token, "2026-10").json
    assert (whole(empty), empty["days"], empty["streams"]) == ((0, 0, 0), [], [])
    for wrong in ("2026-13", "2026-1", "now", "", "٢٠٢٦-11", "2026-11\n"):
        answer = ask(world, token, wrong)
        assert (answer.status, answer.json["field"]) == (400, "month")
    assert ask(world, None).status == 401


def test_another_account_s_bytes_are_not_shown(world: World) -> None:
    """A token opens its own account and no other."""
    world.account("acme")
    token = world.account("other")
    world.consume(report(1, 2))

    assert ask(world, token).json["bytes"] == 0
