"""Totals are exact when messages are lost, repeated, shuffled and redriven, and function processes killed mid-batch.

Real queue semantics and the real handler in processes of its own, on whatever `aws_endpoint` gives.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from functions.domain.usage import Parts
from functions.edge.settings import FunctionSettings
from functions.storage.dynamo import Dynamo
from functions.storage.usage import UsageLedger
from sfu.control.meter import Meter
from shared.messages import UsageReport
from tests.functions.world import NOW, create_tables

MONTH = "2026-11"
ACCOUNTS = ("acme", "other")
STREAMS = ("a" * 16, "b" * 16)


@dataclass
class Bench:
    """A queue with its dead-letter queue, the tables, and what is true."""

    endpoint: str
    queue: str
    dead: str
    settings: FunctionSettings
    sqs: Any
    ledger: UsageLedger
    truth: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def run(self, *, kill_at: int = 0, after: bool = False, table: str | None = None) -> int:
        """One function process, until the queue is empty or it is dead; its exit status."""
        plan = {"queue": self.queue, "kill_at": kill_at, "after": after}
        environment = {
            **os.environ, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "metering",
            "ACCOUNTS_TABLE": table or self.settings.accounts_table, "FLEET_TABLE": self.settings.fleet_table,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.integration.metering.worker", json.dumps(plan)]
        return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=60).returncode

    def send(self, bodies: list[str]) -> None:
        """Put *bodies* into the queue."""
        for start in range(0, len(bodies), 10):
            batch = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            assert not self.sqs.send_message_batch(QueueUrl=self.queue, Entries=batch).get("Failed")

    def dead_letters(self) -> list[str]:
        """Take everything out of the dead-letter queue."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages", []):
            found += [one["Body"] for one in messages]
            for one in messages:
                self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=one["ReceiptHandle"])
        return found

    def merged(self) -> dict[str, int]:
        """What is stored; days and streams must add up to it."""
        totals = {}
        for account in ACCOUNTS:
            shards = self.ledger.shards(account, MONTH)
            totals[account] = sum(shard.received + shard.sent for shard in shards)
            assert totals[account] == sum(_bytes(shard.days) for shard in shards)
            assert totals[account] == sum(_bytes(shard.streams) for shard in shards)
        return totals


def _bytes(parts: Parts) -> int:
    return sum(received + sent for received, sent in parts.values())


@pytest.fixture
def bench(aws_endpoint: str) -> Bench:
    """Empty queues and tables, made for this test."""
    name = f"metering-{os.urandom(4).hex()}"
    region: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sqs = boto3.client("sqs", endpoint_url=aws_endpoint, **region)
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint, **region)
    settings = FunctionSettings(f"{name}-accounts", f"{name}-fleet")
    create_tables(dynamodb, settings)
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    queue = sqs.create_queue(
        QueueName=f"{name}-usage", Attributes={"VisibilityTimeout": "1", "RedrivePolicy": redrive}
    )["QueueUrl"]
    return Bench(aws_endpoint, queue, dead, settings, sqs, UsageLedger(Dynamo(dynamodb), settings.accounts_table))


def reports(bench: Bench, rng: random.Random, *, boots: int, rounds: int) -> list[list[str]]:
    """What the lives of two nodes say one after the other, a list each; the truth is kept."""
    lives = []
    for number in range(boots):
        clock = [NOW]
        meter = Meter(lambda clock=clock: clock[0])  # type: ignore[misc]  # the clock of this turn
        said = []
        for seq in range(rounds):
            for account in ACCOUNTS:
                size = rng.randrange(1, 10**9)
                (meter.received if rng.random() < 0.5 else meter.sent)(account, size, rng.choice(STREAMS))
                bench.truth[account] += size
            (entries,) = meter.pending()
            meter.acknowledge(entries)
            report = UsageReport(node=f"node{number % 2}", boot=f"boot{number}", seq=seq, at=NOW, entries=entries)
            said.append(report.model_dump_json())
            clock[0] += 30_000
        lives.append(said)
    return lives


def test_totals_are_exact_although_the_function_is_killed_mid_batch(bench: Bench) -> None:
    """Lost: a third of all messages but each life's last. Repeated and shuffled: the rest. Killed: before and after writes."""
    rng = random.Random(7)  # noqa: S311 - a reproducible shuffle
    messages = [
        said
        for life in reports(bench, rng, boots=6, rounds=6)
        for number, said in enumerate(life)
        if number == len(life) - 1 or rng.random() > 0.33
    ]
    messages += rng.choices(messages, k=10)
    rng.shuffle(messages)
    bench.send(messages)

    killed = [bench.run(kill_at=at, after=after) for at, after in ((2, True), (4, False))]
    assert killed == [-signal.SIGKILL] * 2
    assert bench.merged() != bench.truth
    assert bench.run() == 0

    assert bench.merged() == bench.truth
    assert bench.dead_letters() == []


def test_what_a_redrive_brings_back_is_counted_once(bench: Bench) -> None:
    """A table that is gone sends all to the dead-letter queue; redriven late and twice they change what was lost, and only that."""
    rng = random.Random(8)  # noqa: S311 - a reproducible shuffle
    early, late = [], []
    for life in reports(bench, rng, boots=3, rounds=4):
        early += life[:2]
        late += life[2:]
    bench.send([*early, "no report"])
    assert bench.run(table="gone") == 0
    dead = bench.dead_letters()
    assert sorted(dead) == sorted([*early, "no report"])
    assert bench.merged() == dict.fromkeys(ACCOUNTS, 0)

    bench.send(late)
    assert bench.run() == 0
    exact = bench.merged()
    assert exact == bench.truth

    bench.send([said for said in dead if said != "no report"] * 2)
    assert bench.run() == 0
    assert bench.merged() == exact
