"""A storm of publishers from several processes on real DynamoDB semantics: never above the limit, never below for long.

Runs on whatever `aws_endpoint` gives: ministack, LocalStack, DynamoDB Local, AWS itself; never moto, which is not atomic.
"""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from functions.domain.fleet import Node, NodeLoad, NodeReport, NodeState
from functions.domain.provision import create_account, create_key
from functions.domain.publishing import AdmittedPublisher, Publish, admit
from functions.edge.settings import FunctionSettings
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.registry import Registry
from shared.keys import StreamKey
from shared.refusals import Refused
from shared.tiers import Overrides, Tier
from tests.functions.world import create_tables
from tests.integration.load.storm_worker import ScaledClock, dependencies, dynamodb

SPEED = 10.0
PROCESSES = 4
KILLED = 3
THREADS = 16


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(5, 60), pytest.param(1, 40, marks=pytest.mark.long), pytest.param(25, 120, marks=pytest.mark.long)],
)
def test_the_stream_limit_holds_in_a_storm(aws_endpoint: str, tmp_path: Path, limit: int, seconds: float) -> None:
    """Never above it and refused only at it, with answers lost, clients that never come, and processes killed; then exactly limit again."""
    plan = _prepare(aws_endpoint, tmp_path, limit)
    clock = ScaledClock(plan["origin"], SPEED)
    workers = [_start(plan, tmp_path / f"{number}.jsonl") for number in range(PROCESSES)]
    killed = 0
    try:
        for number in range(PROCESSES):
            _await_ready(tmp_path / f"{number}.jsonl")
        for killed in range(1, KILLED + 1):
            clock.sleep(seconds / (KILLED + 1))
            victim = random.randrange(PROCESSES)  # noqa: S311 - chance, not secrecy
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].wait()
            workers[victim] = _start(plan, tmp_path / f"again{killed}.jsonl")
            _await_ready(tmp_path / f"again{killed}.jsonl")
        clock.sleep(seconds / (KILLED + 1))
        (tmp_path / "stop").touch()
        for worker in workers:
            assert worker.wait(60) == 0
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    quiet = _quiet(plan, clock)
    for table in ("accounts", "fleet"):
        dynamodb(aws_endpoint).delete_table(TableName=plan[table])
    events = [json.loads(line) for file in tmp_path.glob("*.jsonl") for line in _whole_lines(file)]
    kinds = Counter(event["kind"] for event in events)
    codes = Counter(event["code"] for event in events if event["kind"] == "refused")
    print(f"limit {limit}: peak {_peak(events)}, {dict(kinds)}, {dict(codes)}, {killed} processes killed")  # noqa: T201 - the storm's figures
    # A lower bound of what was held: processes that were killed or held up saw more than they wrote. That the limit was
    # reached is what the refusals prove, since each says how many streams there were when it was decided.
    assert _peak(events) <= limit
    assert {event["current"] for event in events if event.get("code") == "STREAM_LIMIT_REACHED"} == {limit}
    assert kinds["taken"] > limit
    assert set(codes) <= {"STREAM_LIMIT_REACHED", "KEY_ALREADY_IN_USE", "UNAVAILABLE"}
    assert quiet == limit


def test_the_peak_follows_the_commits_and_not_the_lines() -> None:
    """A thread that was held up writes that it took a stream when its successor has taken and freed it: it holds nothing."""
    late = {"kind": "taken", "session": "a", "stream": "s", "epoch": 1, "at": 10.0, "until": 40.0}
    successor = {"kind": "taken", "session": "b", "stream": "s", "epoch": 2, "at": 9.5, "until": 39.5}
    freed = {"kind": "freed", "session": "b", "stream": "s", "at": 12.0}
    another = {"kind": "taken", "session": "c", "stream": "t", "epoch": 3, "at": 13.0, "until": 43.0}
    assert _peak([successor, late, freed, another]) == 1
    first = {"kind": "taken", "session": "d", "stream": "s", "epoch": 0, "at": 5.0, "until": 35.0}
    assert _peak([first, successor, late]) == 1


class _Instant(ScaledClock):
    """A clock that stands still."""

    def now(self) -> float:
        """The one instant that this clock knows."""
        return self._origin

    def sleep(self, seconds: float) -> None:
        """Nothing is contested when all is quiet, so nobody has to wait."""
        raise AssertionError(f"admission waits for {seconds} s")


def _prepare(endpoint: str, folder: Path, limit: int) -> dict[str, Any]:
    name = f"storm-{limit}-{os.urandom(4).hex()}"
    settings = FunctionSettings(f"{name}-accounts", f"{name}-fleet")
    client = dynamodb(endpoint)
    create_tables(client, settings)
    for table in (settings.accounts_table, settings.fleet_table):
        client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    dynamo = Dynamo(client)
    registry, origin = Registry(dynamo, settings.accounts_table), time.time()
    overrides = Overrides(streams=limit)
    made = create_account(registry, "storm", Tier.REGISTERED, random=os.urandom, now=origin, overrides=overrides)
    assert made is not None
    keys = [create_key(registry, made.account, random=os.urandom, now=origin) for _ in range(3 * limit + 2)]
    # A node whose lease does not end, so that only grants decide: it reports no session.
    node = Node("node1", "bootbootboota222", origin + 1e6, "http://127.0.0.1:1", "local", NodeState.SERVING, NodeLoad())
    nodes = Nodes(dynamo, settings.fleet_table)
    nodes.beat(NodeReport(node), (), new_boot=True)
    nodes.project(node)
    return {
        "endpoint": endpoint, "accounts": settings.accounts_table, "fleet": settings.fleet_table,
        "keys": [key.stream_key.reveal() for key in keys], "origin": origin, "speed": SPEED,
        "stop": str(folder / "stop"), "threads": THREADS, "lost": 0.1, "hold": 25,
    }  # fmt: skip


def _start(plan: dict[str, Any], file: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.integration.load.storm_worker", json.dumps({**plan, "file": str(file)})]
    return subprocess.Popen(command)


def _await_ready(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end, "a worker did not start"
        time.sleep(0.05)


def _whole_lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _peak(events: list[dict[str, Any]]) -> int:
    """How many streams were held at once, at the most, for certain."""
    freed = {event["session"]: event["at"] for event in events if event["kind"] == "freed"}
    by_stream: dict[str, list[dict[str, Any]]] = {}
    for event in sorted((event for event in events if event["kind"] == "taken"), key=lambda event: event["epoch"]):
        by_stream.setdefault(event["stream"], []).append(event)
    changes: list[tuple[float, int]] = []
    for taken in by_stream.values():
        replaced = math.inf
        for event in reversed(taken):
            # A session that was replaced by one on the same stream leaves that stream as held as before, even where
            # the successor's process was killed before it wrote a line; and a stream is held once at any time.
            until = min(freed.get(event["session"], event["until"]), event["until"], replaced)
            if until > event["at"]:
                changes += [(event["at"], 1), (until, -1)]
            replaced = min(replaced, event["at"])
    held = peak = 0
    for _, change in sorted(changes):
        held += change
        peak = max(peak, held)
    return peak


def _quiet(plan: dict[str, Any], clock: ScaledClock) -> int:
    """How many streams are admitted once every grant has lapsed, all at one instant: a slow machine lets none lapse between."""
    clock.sleep(40)
    parts = dependencies(plan, _Instant(clock.now(), SPEED))
    admitted = 0
    for text in plan["keys"]:
        key = StreamKey.parse(text)
        assert key is not None
        outcome = admit(parts, Publish(key))
        if isinstance(outcome, AdmittedPublisher):
            admitted += 1
        else:
            assert isinstance(outcome, Refused)
            assert outcome.code == "STREAM_LIMIT_REACHED"
    return admitted
