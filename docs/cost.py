"""Works docs/cost.md out: what was counted (docs/counts.json) times list prices (docs/prices.json).

A test counts again and fails when the code consumes anything else (tests/integration/test_cost.py).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
TEMPLATE = DOCS.parent / "template.yaml"

BEATS_PER_MINUTE = 30
REPORT_SECONDS = 5
KBPS = 2_564
"""A stream: 720p30 with 2.5 Mbit/s of H264 and 64 kbit/s of Opus."""
VIEWERS = 20
STREAMS_PER_NODE = 10
COLUMNS = (
    "api_requests",
    "lambda_requests",
    "lambda_gb_seconds",
    "read_units",
    "write_units",
    "queue_requests",
    "events",
    "log_gb",
)
SHORT = ("API", "Lambda requests", "Lambda GB-s", "reads", "writes", "SQS", "events", "logs")

Uses = Mapping[str, float]
"""Units of what has a price, by its name in prices.json."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table of costs."""

    what: str
    formula: str
    uses: Uses = field(default_factory=dict)
    """Of one."""
    number: float = 1_000_000
    """How many the line is for."""

    @property
    def dollars(self) -> dict[str, float]:
        """By what has a price."""
        return {name: units * self.number * _price(name) for name, units in self.uses.items()}

    @property
    def total(self) -> float:
        """The dollars of the whole line."""
        return sum(self.dollars.values())


@cache
def _prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "prices.json").read_text())
    return found


@cache
def _counts() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((DOCS / "counts.json").read_text())
    return found


@cache
def _memory_gb() -> float:
    (megabytes,) = set(re.findall(r"^\s+MemorySize: (\d+)$", TEMPLATE.read_text(), re.MULTILINE))
    return int(megabytes) / 1024


def _price(name: str) -> float:
    entry = _prices()["dollars"][name]
    return float(entry["price"]) / float(entry["per"])


def _assumed(name: str) -> float:
    return float(_prices()["assumed"][name]["value"])


def request(name: str, *, invocations: int = 1, api: bool = True) -> dict[str, float]:
    """What the request that was counted as *name* consumes."""
    count = _counts()[name]
    milliseconds = invocations * _assumed("handler_ms") + count["calls"] * _assumed("call_ms")
    return {
        "api_requests": invocations if api else 0,
        "lambda_requests": invocations,
        "lambda_gb_seconds": _memory_gb() * milliseconds / 1000,
        "read_units": count["read_units"],
        "write_units": count["write_units"],
        "events": count["events"],
        "log_gb": (count["log_bytes"] + invocations * _assumed("platform_log_bytes")) / 1e9,
    }


def times(number: float, uses: Uses) -> dict[str, float]:
    """*number* times the same counts."""
    return {name: number * units for name, units in uses.items()}


def together(*parts: Uses) -> dict[str, float]:
    """The sum of several counts."""
    return {name: sum(part.get(name, 0) for part in parts) for part in parts for name in part}


def report(entries: int) -> dict[str, float]:
    """One usage report of a node, of so many accounts: sent, received, deleted, and merged by one invocation."""
    name = "report" if entries == 1 else f"report of {entries}"
    return request(name, api=False) | {"queue_requests": 3}


def media_gb(seconds: float, viewers: float = VIEWERS) -> float:
    """What a stream with *viewers* receives and sends."""
    return KBPS * 1000 / 8 * seconds * (1 + viewers) / 1e9


def lines() -> list[Line]:
    """The rows of the table of costs."""
    busy = f"minute of a node with {STREAMS_PER_NODE} streams"
    shared = report(STREAMS_PER_NODE)
    of_stream = media_gb(REPORT_SECONDS)
    return [
        Line("1 million publishes", "`publish`", request("publish")),
        Line("… their begin and end, as nodes report them", "`begin` + `end`", together(request("begin"), request("end"))),
        Line("1 million refused publishes (a full account)", "`publish refused`", request("publish refused")),
        Line("1 million watches", "`watch`", request("watch")),
        Line("… their coming and going, as nodes report it, at most", "2 x `viewer`", times(2, request("viewer"))),
        Line("1 million refused watches (a full stream)", "`watch refused`", request("watch refused")),
        Line("… the first of a second in each process", "`first watch refused`", request("first watch refused")),
        Line(
            "1 node-hour of heartbeats, idle",
            "60 x `minute of a node`",
            times(60, request("minute of a node", invocations=BEATS_PER_MINUTE)),
            1,
        ),
        Line(
            f"1 node-hour of heartbeats, {STREAMS_PER_NODE} streams",
            f"60 x `{busy}`",
            times(60, request(busy, invocations=BEATS_PER_MINUTE)),
            1,
        ),
        Line(
            f"1000 GB of metering, {STREAMS_PER_NODE} streams a node",
            f"`report of {STREAMS_PER_NODE}` ÷ {of_stream * STREAMS_PER_NODE:.3f} GB x 1000",
            times(1 / (of_stream * STREAMS_PER_NODE), shared),
            1000,
        ),
        Line(
            "1000 GB of metering, 1 stream a node",
            f"`report` ÷ {of_stream:.4f} GB x 1000",
            times(1 / of_stream, report(1)),
            1000,
        ),
    ]  # fmt: skip


def example() -> tuple[list[tuple[str, str, float]], float]:
    """An operator's month: 50 streams x 20 viewers, four hours a day; and the GB that leave the nodes."""
    streams, hours, days = 50, 4, 30
    nodes = streams // STREAMS_PER_NODE
    publishes = streams * days * 2
    watches = streams * VIEWERS * days * 4
    live_hours = hours * days
    by = {line.what: line for line in lines()}
    publish, life = by["1 million publishes"], by["… their begin and end, as nodes report them"]
    watch, viewer = by["1 million watches"], by["… their coming and going, as nodes report it, at most"]
    refused = by["1 million refused watches (a full stream)"]
    idle = by["1 node-hour of heartbeats, idle"]
    busy = by[f"1 node-hour of heartbeats, {STREAMS_PER_NODE} streams"]
    metering = by[f"1000 GB of metering, {STREAMS_PER_NODE} streams a node"]
    gigabytes = streams * media_gb(live_hours * 3600)
    sent = gigabytes * VIEWERS / (VIEWERS + 1)
    rows = [
        (f"{publishes:,} publishes (each stream twice a day)", "publish, begin, end",
         publishes / 1e6 * (publish.total + life.total)),
        (f"{watches:,} watches (each seat four times a day)", "watch, coming, going",
         watches / 1e6 * (watch.total + viewer.total)),
        (f"{watches:,} refused watches (as many again find no seat)", "watch refused", watches / 1e6 * refused.total),
        (f"{nodes * live_hours:,} node-hours with {STREAMS_PER_NODE} streams", "heartbeats",
         nodes * live_hours * busy.total),
        (f"{nodes * (720 - live_hours):,} idle node-hours (nodes are left running)", "heartbeats",
         nodes * (720 - live_hours) * idle.total),
        (f"{gigabytes:,.0f} GB metered", "reports", gigabytes / 1000 * metering.total),
        ("the queue's trigger asking in vain, 5 pollers, 20 s each", "SQS", 5 * 3 * 60 * 720 * _price("queue_requests")),
        ("the signer's key, read every 5 min by 5 processes", "KMS", 5 * 12 * 720 * _price("kms_requests")),
    ]  # fmt: skip
    return rows, sent


def page() -> str:
    """The whole text of docs/cost.md."""
    prices = _prices()
    rows, sent = example()
    total = sum(dollars for _, _, dollars in rows)
    egress = sent * _price("egress_gb")
    return f"""# What the control plane costs

Generated from `docs/counts.json` (counted by `tests/integration/test_cost.py`, which fails when the code consumes anything
else) and `docs/prices.json` (list prices) by `python -m docs.generate`. What the nodes cost, and above all the traffic that
leaves them, is not in it; the example at the end shows how the two compare.

## Prices

An assumption: {prices["region"]}, {prices["date"]}; {prices["source"]}.

| what | dollars | for |
|---|---|---|
{_rows((entry["what"], f"{entry['price']:g}", f"{entry['per']:,}") for entry in prices["dollars"].values())}

Not counted but assumed, because no test on another machine can tell:
{"; ".join(f"{entry['what']}: {entry['value']}" for entry in prices["assumed"].values())} (`handler_ms`, `call_ms`, `platform_log_bytes`).

## What was counted

`calls` are those of DynamoDB and EventBridge together; events are sent where an event bus is named.

| request | calls | read units | write units | events | log bytes |
|---|---|---|---|---|---|
{_rows((f"`{name}`", *(f"{count[each]:g}" for each in ("calls", "read_units", "write_units", "events", "log_bytes"))) for name, count in _counts().items())}

`minute of a node` is {BEATS_PER_MINUTE} heartbeats that say nothing new; `begin`, `end` and `viewer` are the additional ones when a
publisher comes, goes, or viewers do (at most one a second for all viewers of a node).

## Dollars

    dollars  = units x price, summed over the columns
    GB-s     = {_memory_gb():g} GB x (invocations x handler_ms + calls x call_ms) / 1000
    log GB   = (log bytes + invocations x platform_log_bytes) / 10⁹
    metering = one report each {REPORT_SECONDS} s and node: 3 SQS requests and an invocation, and for each stream its units;
               a stream of {KBPS} kbit/s with {VIEWERS} viewers is {media_gb(REPORT_SECONDS):.4f} GB in that time

| | of what was counted | dollars | {" | ".join(SHORT)} |
|---|---|---|{"---|" * len(SHORT)}
{_rows((line.what, line.formula, f"**{line.total:.4g}**", *(_cell(line.dollars.get(name, 0)) for name in COLUMNS)) for line in lines())}

## An operator with 50 streams of {VIEWERS} viewers

Four hours a day, thirty days, {STREAMS_PER_NODE} streams a node.

| in a month | consists of | dollars |
|---|---|---|
{_rows((what, of, f"{dollars:.2f}") for what, of, dollars in rows)}
| **the control plane** | | **{total:.2f}** |

The same month sends {sent:,.0f} GB to viewers: {egress:,.0f} dollars at {_price("egress_gb"):g} a GB from AWS, {egress / total:,.0f} times as much.
Where nodes run decides what a broadcast costs; who decides does not.
"""


def _cell(dollars: float) -> str:
    return f"{dollars:.3g}" if dollars else ""


def _rows(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
