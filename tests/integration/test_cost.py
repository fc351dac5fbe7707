"""What each request consumes, counted: docs/cost.md is worked out from these figures, and this fails when they change.

    python -m tests.integration.test_cost > docs/counts.json && python -m docs.generate

counts anew. Consumed capacity is the emulator's, which counts item sizes as DynamoDB
does, and by the documented rules where it says nothing (tests/functions/capacity.py).
"""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from functions.edge.settings import FunctionSettings
from functions.nodes.service import CHECK_SECONDS
from sfu.control.heartbeat import INTERVAL
from shared.messages import UsageEntry, UsageReport
from shared.months import month_of
from shared.tiers import Overrides, Tier
from tests.bench.control_plane import emulated
from tests.functions.world import ROOT, Beating, World

COUNTS = ROOT / "docs" / "counts.json"
BUSY = 10
"""Streams on the node of which `busy` speaks, each of an account of its own."""
AGAIN = "count again: python -m tests.integration.test_cost > docs/counts.json && python -m docs.generate"
Count = dict[str, float]


def test_the_counts_that_the_costs_are_worked_out_from_are_those_of_the_code(aws_endpoint: str) -> None:
    """Every call, read unit, write unit, event and byte of log; in a process of its own, where logs go nowhere else."""
    command = [sys.executable, "-m", "tests.integration.test_cost"]
    environ = os.environ | {"AWS_ENDPOINT_URL": aws_endpoint}
    counts = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout

    assert json.loads(counts) == json.loads(COUNTS.read_text()), AGAIN


def counted(endpoint: str) -> dict[str, Count]:
    """What one of each kind of request consumes."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    name = f"cost-{os.urandom(4).hex()}"
    settings = FunctionSettings(
        f"{name}-accounts", f"{name}-fleet", f"/{name}/signer", f"/{name}/jwks", "sluice-test", "local", name
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        return _Counting(World(endpoint, settings), said).all()


class _Counting:
    def __init__(self, world: World, said: io.StringIO) -> None:
        self._world = world
        self._said = said

    def all(self) -> dict[str, Count]:
        world = self._world
        idle, busy = Beating("idle", "idleidleidle2222", load={}), Beating("busy", "busybusybusy2222", load={})
        found: dict[str, Count] = {}
        world.beat(idle)
        found["minute of a node"] = self._minute(idle)
        world.beat(idle, state="stopped")  # so that everything is placed on the other
        world.beat(busy)
        streams = [self._stream(f"account-{number}") for number in range(BUSY)]
        for key, _ in streams[1:]:
            busy.publishes(world, world.publish(key))
        world.beat(busy)

        self._later(busy)
        key, stream = streams[0]
        found["publish"] = self._count("admission", lambda: busy.publishes(world, world.publish(key)))
        found["begin"] = self._count("nodes", lambda: world.beat(busy))
        second, _ = world.key("account-0")
        found["publish refused"] = self._count("admission", lambda: world.publish(second))
        found["watch"] = self._count("admission", lambda: world.watch(stream))
        self._later(busy)
        busy.streams[stream]["viewers"] = 1
        found["viewer"] = self._count("nodes", lambda: world.beat(busy))
        busy.streams[stream]["viewers"] = 20
        self._later(busy)
        found["first watch refused"] = self._count("admission", lambda: world.watch(stream))
        found["watch refused"] = self._count("admission", lambda: world.watch(stream))
        found[f"minute of a node with {BUSY} streams"] = self._minute(busy)
        found["report"] = self._count("metering", lambda: world.consume(self._report(1)))
        found[f"report of {BUSY}"] = self._count("metering", lambda: world.consume(self._report(BUSY)))
        self._later(busy)
        ended = busy.streams.pop(stream)
        busy.ended.append(
            {name: ended[name] for name in ("session", "stream", "account")} | {"action": "publish", "reason": "delete"}
        )
        found["end"] = self._count("nodes", lambda: world.beat(busy))
        return found

    def _later(self, node: Beating) -> None:
        """To where the next heartbeat is neither due for the summary nor for a look at the rosters."""
        for _ in range(int(CHECK_SECONDS / INTERVAL) + 1):
            self._world.now += INTERVAL
            self._world.beat(node)
        self._world.now += 0.5

    def _minute(self, node: Beating) -> Count:
        """A minute of heartbeats that say nothing new: now and then with the summary, and with a look at the rosters."""

        def minute() -> None:
            for _ in range(int(60 / INTERVAL)):
                self._world.now += INTERVAL
                self._world.beat(node)

        return self._count("nodes", minute)

    def _stream(self, account: str) -> tuple[str, str]:
        self._world.account(account, Tier.REGISTERED, Overrides(viewers=20))
        return self._world.key(account)

    def _report(self, entries: int) -> str:
        world = self._world
        accounts = [
            UsageEntry(account=f"account-{number}", month=month_of(world.now), received=10**6 + entries, sent=10**7)
            for number in range(entries)
        ]
        report = UsageReport(node="busy", boot="busybusybusy2222", seq=1, at=world.now, entries=tuple(accounts))
        return report.model_dump_json()

    def _count(self, function: str, work: Callable[[], Any]) -> Count:
        calls = self._world.calls[function]
        calls.clear()
        self._said.seek(0)
        self._said.truncate()
        work()
        asked = [call for call in calls if not call.action.startswith("ssm")]
        return {
            "calls": len(asked),
            "read_units": sum(call.read_units for call in asked),
            "write_units": sum(call.write_units for call in asked),
            "events": sum(call.action == "events:PutEvents" for call in asked),
            "log_bytes": math.ceil(len(self._said.getvalue()) / 100) * 100,
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, emulated.endpoint(Path(folder)) as (_, found):
        sys.stdout.write(json.dumps(counted(found), indent=1) + "\n")
