"""One process of the storm: threads that take and free slots as fast as they can, and write down what they held.

    python -m tests.integration.load.storm_worker '{"endpoint": …, "accounts": …, "fleet": …, "keys": […], …}'

A line is written once a slot is known to be held and before it is given back, so every interval in the file is one in
which the slot was held for certain. The process may be killed at any moment; lines are flushed one by one.
"""

import json
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from functions.domain.publishing import AdmittedPublisher, Publish, PublishDependencies, admit
from functions.domain.stores import StoreUnavailableError
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.rosters import Rosters
from shared.keys import StreamKey
from shared.refusals import Refused


class ScaledClock:
    """Time that runs *speed* times as fast, so that a grant's half minute lapses within a second or two."""

    def __init__(self, origin: float, speed: float) -> None:
        self._origin = origin
        self._speed = speed

    def now(self) -> float:
        """The scaled time, in Unix seconds."""
        return self._origin + (time.time() - self._origin) * self._speed

    def sleep(self, seconds: float) -> None:
        """Wait for *seconds* of it."""
        time.sleep(seconds / self._speed)


def dynamodb(endpoint: str, config: Config | None = None) -> Any:
    """A client of an emulator, or of AWS with the credentials and the region that boto3 finds."""
    if ".amazonaws.com" in endpoint:
        return boto3.client("dynamodb", config=config)
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def _lose(client: Any, part: float) -> None:
    """Let *part* of all writes happen and their answers never arrive, so that botocore sends them again."""
    session = client._endpoint.http_session
    send = session.send

    def losing(request: Any) -> Any:
        answer = send(request)
        if request.headers["X-Amz-Target"].endswith(b".UpdateItem") and random.random() < part:  # noqa: S311 - chance, not secrecy
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    session.send = losing


def dependencies(plan: dict[str, Any], clock: ScaledClock, *, lost: float = 0.0) -> PublishDependencies:
    """Admission over the storm's tables; the answers of *lost* of all writes are lost after they were committed."""
    client = dynamodb(
        plan["endpoint"], Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=50)
    )
    if lost:
        _lose(client, lost)
    dynamo = Dynamo(client)
    return PublishDependencies(
        directory=Directory(dynamo, plan["accounts"], plan["fleet"]),
        rosters=Rosters(dynamo, plan["accounts"]),
        nodes=Nodes(dynamo, plan["fleet"]),
        region="local",
        clock=clock.now,
        sleep=clock.sleep,
        random=os.urandom,
        choose=random.randrange,
    )


def _work(plan: dict[str, Any], write: Any) -> None:
    clock = ScaledClock(plan["origin"], plan["speed"])
    parts = dependencies(plan, clock, lost=plan["lost"])
    while not Path(plan["stop"]).exists():
        key = StreamKey.parse(random.choice(plan["keys"]))  # noqa: S311 - chance, not secrecy
        assert key is not None
        try:
            outcome = admit(parts, Publish(key))
        except StoreUnavailableError:
            write({"kind": "unavailable"})
            continue
        if isinstance(outcome, Refused):
            write({"kind": "refused", "code": outcome.code.value, "current": outcome.context.get("current")})
            continue
        _hold(plan, parts, clock, outcome, write)


def _hold(
    plan: dict[str, Any], parts: PublishDependencies, clock: ScaledClock, place: AdmittedPublisher, write: Any
) -> None:
    slot = place.slot
    write(
        {
            "kind": "taken",
            "session": slot.session,
            "stream": place.stream,
            # The order of the commits: this thread may have been held up between its commit and this line.
            "epoch": place.account.epoch,
            "at": clock.now(),
            "until": slot.expires_at,
        }
    )
    clock.sleep(random.random() * plan["hold"])  # noqa: S311 - chance, not secrecy
    if random.random() < 0.2:  # noqa: S311 - chance, not secrecy
        return  # a client that never came
    write({"kind": "freed", "session": slot.session, "stream": place.stream, "at": clock.now()})
    try:
        parts.rosters.release(place.account.id, place.stream, slot.session)
    except StoreUnavailableError:  # its answer was lost three times: as in admission, the next one goes on
        write({"kind": "unavailable"})


def main() -> None:
    """Storm until the plan's stop file is there."""
    plan = json.loads(sys.argv[1])
    lock = threading.Lock()
    with Path(plan["file"]).open("a", buffering=1) as file:

        def write(event: dict[str, Any]) -> None:
            with lock:
                file.write(json.dumps(event) + "\n")

        write({"kind": "ready"})
        threads = [threading.Thread(target=_work, args=(plan, write)) for _ in range(plan["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
