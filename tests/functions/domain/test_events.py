"""What is told on EventBridge: each kind once, in the documented shape, and never at a request's expense."""

import json
import re
from typing import Any

from botocore.exceptions import EndpointConnectionError

from functions.domain.events import AccountEvent
from functions.edge.eventbus import EventBus, no_client
from functions.edge.observability import LambdaLog
from shared.tiers import Overrides, Tier
from tests.functions.world import ROOT, Beating, World

DOCUMENT = (ROOT / "docs/events.md").read_text()


def documented() -> dict[str, dict[str, Any]]:
    """The examples of docs/events.md by their detail-type."""
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]
    return {example["detail-type"]: example["detail"] for example in examples}


def kinds(world: World) -> list[str]:
    """What was told so far, in order."""
    return [entry["DetailType"] for entry in world.told]


def test_a_stream_is_told_of_from_start_to_end(world: World, node: Beating) -> None:
    """Once each, however many heartbeats there are, and also where they are checked anew."""
    world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    for _ in range(3):
        world.beat(node)
        world.now += 31
    assert kinds(world) == ["Stream Started"]
    world.beat(node)
    node.publishes(world, world.publish(key, query={"force": "1"}))
    world.beat(node)
    node.streams.clear()
    world.beat(node)

    assert kinds(world) == ["Stream Started", "Stream Taken Over", "Stream Ended"]
    assert {entry["Detail"]["stream"] for entry in world.told} == {stream}
    assert world.told[1]["Detail"]["replaced_session"] == world.told[0]["Detail"]["session"]


def test_a_refusal_and_a_quota_are_told_of(world: World, node: Beating) -> None:
    """A known key's refusal as rarely as it is noted; the marks of a quota once each."""
    world.account("acme", Tier.REGISTERED, Overrides(streams=0, bytes=1000))
    key, stream = world.key("acme")
    for _ in range(3):
        world.publish(key)
    assert [entry["Detail"] for entry in world.told] == [
        {
            "v": 1,
            "account": "acme",
            "stream": stream,
            "code": "STREAM_LIMIT_REACHED",
            "protocol": "whip",
            "stack": "test",
        }
    ]
    for received in (800, 801, 1000):
        entry = {"account": "acme", "month": "2026-11", "received": received, "sent": 0}
        world.consume({"v": 1, "node": node.id, "boot": node.boot, "seq": 1, "at": 0.0, "entries": [entry]})

    assert [entry["Detail"]["percent"] for entry in world.told[1:]] == [80, 95, 100]


def test_every_event_has_the_documented_fields(world: World, node: Beating) -> None:
    """No more and no fewer, of the same types, and no secret among them."""
    test_a_stream_is_told_of_from_start_to_end(world, node)
    world.account("other", Tier.REGISTERED, Overrides(streams=0, bytes=1000))
    key, _ = world.key("other")
    world.publish(key)
    entry = {"account": "other", "month": "2026-11", "received": 800, "sent": 0}
    world.consume({"v": 1, "node": node.id, "boot": node.boot, "seq": 1, "at": 0.0, "entries": [entry]})
    told = {entry["DetailType"]: entry["Detail"] for entry in world.told}

    assert set(told) == set(documented())
    for kind, example in documented().items():
        assert {name: isinstance(value, str) for name, value in told[kind].items()} == {
            name: isinstance(value, str) for name, value in example.items()
        }, kind
    assert "live_" not in json.dumps(world.told)


def test_a_bus_that_does_not_answer_loses_events_only() -> None:
    """Nothing is raised; without a bus nothing is even tried; ten go at a time."""

    class Silent:
        sizes: list[int] = []  # noqa: RUF012 - one instance

        def put_events(self, Entries: list[dict[str, str]]) -> None:  # noqa: N803 - the client's names
            """Count the call, and then fail."""
            self.sizes.append(len(Entries))
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    events = [AccountEvent("Stream Ended", "acme")] * 12
    EventBus(Silent, "bus", "test", LambdaLog("test")).put(events)
    EventBus(no_client, "", "test", LambdaLog("test")).put(events)

    assert Silent.sizes == [10, 2]
