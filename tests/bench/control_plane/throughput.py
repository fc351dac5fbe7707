"""Admissions a second through gateway and function processes, and beside it what the emulator alone can do.

Every publish is another account's; watches are of one live stream with room, refusals of one without. The bare limit is
the same DynamoDB calls posted straight to the emulator, unsigned and by the same clients: no function, no gateway, no
botocore.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.storage.attributes import to_item
from functions.storage.items.account import locate_account
from functions.storage.items.fleet import FLEET_KEY
from functions.storage.items.key import locate_key
from functions.storage.items.stream import locate_stream
from functions.storage.rosters import EXISTS, FREE, PROTOCOL, ROOM, WITHIN_QUOTA
from shared.keys import StreamKey
from shared.months import month_of
from shared.tiers import Overrides, Tier
from tests.bench.control_plane.shipped import Surroundings
from tests.functions.world import OFFER, ROOT
from tests.ports import free_port

CLIENTS = (1, 16, 64)
PROCESSES = 4
HEADINGS = ("request", "clients", "a second", "p50 ms", "p99 ms", "emulator alone", "of that")
Job = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request from so many clients."""

    kind: str
    clients: int
    per_second: float
    p50: float
    p99: float
    bare_per_second: float | None
    """The emulator's own limit; None where nothing is asked of it."""

    def cells(self) -> tuple[str, ...]:
        """What the table says, under HEADINGS."""
        bare = self.bare_per_second
        return (
            self.kind,
            str(self.clients),
            f"{self.per_second:.0f}",
            f"{self.p50 * 1000:.1f}",
            f"{self.p99 * 1000:.1f}",
            "" if bare is None else f"{bare:.0f}",
            "" if bare is None else f"{self.per_second / bare:.2f}",
        )


class Scene:
    """The accounts and streams that are asked for."""

    def __init__(self, endpoint: str, publishers: int) -> None:
        self._around = Surroundings(endpoint)
        self.world = world = self._around.world
        self.environment = self._around.environment
        self.published = [self._account(f"bench-{number}") for number in range(publishers)]
        self.open = self._live("open", viewers=0)
        self.full = self._live("full", viewers=20)
        self.world.beat(self._around.node)
        self._tables = world.settings.accounts_table, world.settings.fleet_table

    def _account(self, name: str) -> tuple[str, str, str]:
        self.world.account(name, Tier.REGISTERED, Overrides(viewers=20))
        return (name, *self.world.key(name))

    def _live(self, name: str, viewers: int) -> str:
        _, key, stream = self._account(name)
        self._around.node.publishes(self.world, self.world.publish(key), viewers=viewers)
        return stream

    def publishes(self, api: str) -> list[Job]:
        """One request to publish for every account."""
        return [[_offer(f"{api}/{key}/whip")] for _, key, _ in self.published]

    def watches(self, api: str, stream: str, number: int) -> list[Job]:
        """The requests of *number* viewers of *stream*."""
        return [[_offer(f"{api}/{stream}/whep")] for _ in range(number)]

    def bare_publishes(self) -> list[Job]:
        """What the function asks of DynamoDB for those publishes."""
        return [
            [self._read(locate_key(_digest(key)), consistent=True), self._write(account, stream)]
            for account, key, stream in self.published
        ]

    def bare_watches(self, number: int) -> list[Job]:
        """What the function asks of DynamoDB for those watches."""
        return [[self._read(locate_stream(self.open), consistent=False)] for _ in range(number)]

    def forget(self) -> None:
        """Free the slots of all accounts."""
        for account, _, _ in self.published:
            self.world.client.update_item(
                TableName=self._tables[0], Key=to_item(locate_account(account)),
                UpdateExpression="SET slots = :none", ExpressionAttributeValues={":none": {"M": {}}},
            )  # fmt: skip

    def _read(self, key: dict[str, str], *, consistent: bool) -> dict[str, Any]:
        accounts, fleet = self._tables
        return self._call(
            "BatchGetItem",
            RequestItems={
                accounts: {"Keys": [to_item(key)], "ConsistentRead": consistent},
                fleet: {"Keys": [to_item(FLEET_KEY)], "ConsistentRead": consistent},
            },
        )

    def _write(self, account: str, stream: str) -> dict[str, Any]:
        values = {
            ":slot": {"s": "s" * 26, "b": "b" * 16, "x": int(self.world.now)}, ":one": 1, ":protocol": "whip",
            ":month": month_of(self.world.now),
        }  # fmt: skip
        return self._call(
            "UpdateItem",
            TableName=self._tables[0],
            Key=to_item(locate_account(account)),
            UpdateExpression="SET slots.#stream = :slot, ep = ep + :one",
            ConditionExpression=f"{EXISTS} AND {PROTOCOL} AND {WITHIN_QUOTA} AND {FREE} AND {ROOM}",
            ExpressionAttributeNames={"#stream": stream},
            ExpressionAttributeValues=to_item(values),
            ReturnValues="ALL_NEW",
        )

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=none",
        }  # fmt: skip
        return {"url": f"{self._around.endpoint}/", "headers": headers, "body": json.dumps(parameters)}


def measure(endpoint: str, folder: Path, number: int) -> list[Row]:
    """All rows, of *number* requests each."""
    scene = Scene(endpoint, number)
    rows = []
    with _front(scene.environment, folder) as api:
        for clients in CLIENTS:
            publish = _crowd(clients, scene.publishes(api), "307")
            scene.forget()
            bare_publish = _crowd(clients, scene.bare_publishes(), "200")
            scene.forget()
            watch = _crowd(clients, scene.watches(api, scene.open, number), "307")
            bare_watch = _crowd(clients, scene.bare_watches(number), "200")
            refused = _crowd(clients, scene.watches(api, scene.full, number), "403")
            rows += [
                _row("publish", clients, publish, bare_publish["per_second"]),
                _row("watch", clients, watch, bare_watch["per_second"]),
                _row("watch refused", clients, refused, None),
            ]
    return rows


def _row(kind: str, clients: int, found: dict[str, Any], bare: float | None) -> Row:
    return Row(kind, clients, found["per_second"], found["p50"], found["p99"], bare)


def _crowd(clients: int, jobs: list[Job], expected: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.control_plane.crowd", str(clients)]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(jobs), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if set(found["statuses"]) != {expected}:
        raise RuntimeError(f"answers were {found['statuses']} instead of {expected}")
    return found


@contextmanager
def _front(environment: dict[str, str], folder: Path) -> Iterator[str]:
    port = free_port()
    plan = {"port": port, "processes": PROCESSES, "environment": environment, "log": str(folder / "front.log")}
    command = [sys.executable, "-m", "tests.bench.control_plane.front", json.dumps(plan)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the gateway and the functions did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.communicate()


def _offer(url: str) -> dict[str, Any]:
    return {"url": url, "headers": {"Content-Type": "application/sdp"}, "body": OFFER}


def _digest(key: str) -> str:
    parsed = StreamKey.parse(key)
    assert parsed is not None
    return parsed.digest
