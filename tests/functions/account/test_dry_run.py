"""`POST /v1/account/dry-run`: the refusal that would come, word for word, and why; nothing is taken or written for it."""

from typing import Any

import pytest

from shared.tiers import Overrides, Tier
from tests.functions.world import Answer, Beating, World

GB = 10**9


def ask(world: World, token: str | None, **body: Any) -> Answer:
    """Ask the API what would happen."""
    return world.own("POST", "/dry-run", token, body)


def verdicts(answer: Answer) -> dict[str, bool | None]:
    """The checks in their order."""
    return {check["check"]: check["passed"] for check in answer.json["checks"]}


@pytest.mark.usefixtures("node")
def test_a_free_key_would_be_admitted_and_is_not(world: World) -> None:
    """Where it would go, every check passed; no slot is taken, nothing is written."""
    token = world.account("acme")
    key, stream = world.key("acme")
    world.calls["account"].clear()

    answer = ask(world, token, action="publish", stream_id=stream)

    assert answer.status == 200
    said = answer.json
    assert (said["would"], said["node"], said["region"], said["waits_seconds"]) == ("admit", "node1", "local", 0)
    assert (said["status"], said["refusal"], said["protocol"], said["stream_id"]) == (None, None, "whip", stream)
    assert verdicts(answer) == dict.fromkeys(
        ["key", "protocol", "quota", "key_in_use", "stream_limit", "capacity"], True
    )
    assert world.slots("acme") == {}
    assert sum(call.write_units for call in world.calls["account"]) == 0
    assert all("Update" not in call.action and "Put" not in call.action for call in world.calls["account"])
    assert ask(world, token, action="publish", stream_key=key).json["would"] == "admit"


def would_be_refused_as_in_earnest(world: World, token: str, key: str, stream: str, code: str) -> Answer:
    """The dry run's refusal is the real one's: status, body, Retry-After; by id and by secret."""
    by_id = ask(world, token, action="publish", stream_id=stream)
    by_secret = ask(world, token, action="publish", stream_key=key)
    real = world.publish(key)

    assert real.code == code
    for dry in (by_id, by_secret):
        assert dry.json["would"] == "refuse"
        assert (dry.json["status"], dry.json["refusal"]) == (real.status, real.json)
        assert str(dry.json["retry_after"] or "") == real.headers.get("Retry-After", "")
        assert [check["passed"] for check in dry.json["checks"]].count(False) == 1
    return by_id


def test_a_key_in_use_says_so(world: World, node: Beating) -> None:
    """And who uses it; with force it would be admitted, on the same node."""
    token = world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)

    answer = would_be_refused_as_in_earnest(world, token, key, stream, "KEY_ALREADY_IN_USE")

    assert verdicts(answer) == {
        "key": True, "protocol": True, "quota": True, "key_in_use": False, "stream_limit": None, "capacity": None
    }  # fmt: skip
    assert answer.json["checks"][3]["saw"].startswith("A publisher on node1 was heard 0.")
    world.beat(node)
    assert ask(world, token, action="publish", stream_id=stream, force=True).json["node"] == "node1"


def test_the_stream_limit_says_so(world: World, node: Beating) -> None:
    """With the figures that a publish would be refused with."""
    token = world.account("acme", Tier.REGISTERED)
    node.publishes(world, world.publish(world.key("acme")[0]))
    world.beat(node)

    answer = would_be_refused_as_in_earnest(world, token, *world.key("acme"), "STREAM_LIMIT_REACHED")

    assert answer.json["checks"][4]["saw"] == "1 of 1 are taken by other streams."


@pytest.mark.usefixtures("node")
def test_a_used_up_quota_says_so(world: World) -> None:
    """For publishers and viewers alike."""
    token = world.account("acme", Tier.REGISTERED, Overrides(bytes=GB))
    key, stream = world.key("acme")
    entry = {"account": "acme", "month": "2026-11", "received": 2 * GB, "sent": 0}
    world.consume({"v": 1, "node": "node1", "boot": "b", "seq": 1, "at": 0.0, "entries": [entry]})

    answer = would_be_refused_as_in_earnest(world, token, key, stream, "BANDWIDTH_EXCEEDED")

    assert answer.json["checks"][2]["saw"] == "Used up: 2 of 1 GB."
    playing = ask(world, token, action="play", stream_id=stream)
    assert playing.json["refusal"] == world.watch(stream).json


def test_no_node_says_so(world: World, node: Beating) -> None:
    """NO_CAPACITY, with the Retry-After that a publish would get."""
    token = world.account("acme")
    key, stream = world.key("acme")
    node.state = "draining"
    world.beat(node)

    answer = would_be_refused_as_in_earnest(world, token, key, stream, "NO_CAPACITY")

    assert answer.json["retry_after"] > 0
    assert answer.json["checks"][5]["saw"] == "0 of 0 nodes have room."


@pytest.mark.usefixtures("node")
def test_a_revoked_key_says_so(world: World) -> None:
    """To its owner; in earnest it is told from an unknown one by nobody."""
    token = world.account("acme")
    key, stream = world.key("acme")
    assert world.own("DELETE", f"/keys/{stream}", token).status == 200

    answer = would_be_refused_as_in_earnest(world, token, key, stream, "INVALID_KEY")

    assert answer.json["checks"][0] == {"check": "key", "passed": False, "saw": "It was revoked."}


@pytest.mark.usefixtures("node")
def test_a_protocol_that_the_key_may_not_use_says_so(world: World) -> None:
    """The key's own restriction as well as the account's."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    made = world.own("POST", "/keys", token, {"protocols": ["rtmp"]}).json

    would_be_refused_as_in_earnest(world, token, made["stream_key"], made["stream_id"], "PROTOCOL_NOT_ALLOWED")

    assert ask(world, token, action="publish", stream_id=made["stream_id"], protocol="rtmp").json["would"] == "admit"


def test_a_silent_publisher_would_make_way_after_a_wait(world: World, node: Beating) -> None:
    """As long as a real publish waits for it."""
    token = world.account("acme")
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key), silent_ms=1500)
    world.beat(node)

    answer = ask(world, token, action="publish", stream_id=stream)
    before = world.slept
    real = world.publish(key)

    assert (answer.json["would"], real.status) == ("admit", 307)
    assert answer.json["waits_seconds"] == pytest.approx(world.slept - before, abs=0.01) == pytest.approx(1.6, abs=0.2)


def test_a_play_is_told_what_a_viewer_is_told(world: World, node: Beating) -> None:
    """Offline, then live, then full; each as WHEP answers it."""
    token = world.account("acme")
    key, stream = world.key("acme")
    offline = ask(world, token, action="play", stream_id=stream)
    assert (offline.json["refusal"], offline.json["retry_after"]) == (world.watch(stream).json, 3)
    assert list(verdicts(offline)) == ["stream", "protocol", "quota", "live", "viewers", "capacity"]

    node.publishes(world, world.publish(key))
    world.beat(node)
    assert ask(world, token, action="play", stream_id=stream).json["node"] == "node1"

    node.streams[stream]["viewers"] = 20
    world.now += 4
    world.beat(node)
    full = ask(world, token, action="play", stream_id=stream)
    assert (full.json["status"], full.json["refusal"]) == (403, world.watch(stream).json)


@pytest.mark.usefixtures("node")
def test_another_s_key_and_stream_are_answered_as_if_there_were_none(world: World) -> None:
    """Word for word, so that nothing can be found out about others."""
    token = world.account("acme")
    world.account("other")
    theirs, stream = world.key("other")
    nobodys = "live_" + "a" * 32

    assert (
        ask(world, token, action="publish", stream_key=theirs).json
        == ask(world, token, action="publish", stream_key=nobodys).json
    )
    for action in ("publish", "play"):
        mine = ask(world, token, action=action, stream_id=stream)
        assert (mine.status, mine.text) == (404, ask(world, token, action=action, stream_id="a" * 16).text)
    assert ask(world, None, action="publish", stream_id=stream).status == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "publish"}, "stream_id"),
        ({"action": "publish", "stream_id": "a", "stream_key": "b"}, "stream_id"),
        ({"action": "play", "stream_key": "b"}, "stream_id"),
        ({"action": "steal", "stream_id": "a"}, "action"),
        ({"action": "publish", "stream_id": 7}, "stream_id"),
        ({"action": "publish", "stream_id": "a", "protocol": "ftp"}, "protocol"),
        ({"action": "publish", "stream_id": "a", "force": "yes"}, "force"),
        ({"action": "publish", "stream_id": "a", "region": ""}, "region"),
        ({"action": "publish", "stream_id": "a", "node": "node1"}, "node"),
    ],
)
def test_a_wrong_field_is_named(world: World, body: dict[str, Any], field: str) -> None:
    """The answer is 400 and names it."""
    answer = ask(world, world.account("acme"), **body)

    assert (answer.status, answer.json["field"]) == (400, field)
