"""An account that the operator suspends, resumes, deletes or cuts down: what runs ends, and nothing of it goes on."""

from typing import Any

import pytest

from shared.tiers import Overrides, Tier
from tests.functions.world import Answer, Beating, World

INVALID = (401, '{"error": "Invalid stream key", "code": "INVALID_KEY"}')


@pytest.fixture(name="acme")
def _acme(world: World, node: Beating) -> tuple[str, str, str]:
    """Its token, and a key whose stream is live."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    return token, key, stream


def told(answer: Answer) -> tuple[int, str]:
    """The status and the body of *answer*."""
    return answer.status, answer.text


def publishes(world: World, key: str, stream: str) -> dict[str, Answer]:
    """Try every way to publish with a key."""
    world.beat(Beating("mtx1", "bootbootbootc222", "http://127.0.0.1:8891", kind="mediamtx"))
    ask = {"action": "publish", "protocol": "rtmp", "path": stream, "password": key, "ip": "203.0.113.7"}
    return {
        "by the URL": world.publish(key),
        "by bearer": world.publish(key, bearer=True),
        "by force": world.publish(key, query={"force": "1"}),
        "by grant": world.ask_grant({"action": "publish", "key": key}),
        "by MediaMTX": world.ask_mediamtx(ask),
    }


def suspend(world: World, *, suspended: bool = True) -> Answer:
    """Suspend the account by a PATCH."""
    return world.administer("PATCH", "accounts/acme", {"suspended": suspended})


def test_a_suspended_account_s_keys_are_invalid_on_every_way(world: World, acme: tuple[str, str, str]) -> None:
    """To the letter, also of a key that nobody uses; the token opens nothing and says why."""
    token, key, stream = acme
    idle, other = world.key("acme")

    answer = suspend(world)

    assert (answer.status, answer.json["suspended"]) == (200, True)
    for one, its in ((key, stream), (idle, other)):
        assert {way: told(said) for way, said in publishes(world, one, its).items()} == dict.fromkeys(
            publishes(world, one, its), INVALID
        )
    for said in (
        world.own("GET", "", token),
        world.own("POST", "/keys", token, {}),
        world.own("POST", "/token", token),
    ):
        assert (said.status, said.code, said.json["error"]) == (
            403, "FORBIDDEN", "The account is suspended. Ask the operator.",
        )  # fmt: skip


def test_a_suspended_account_s_key_is_invalid_where_it_may_not_publish_either(world: World) -> None:
    """A key that is for one protocol only: by the others it is no less invalid, and nobody reads of a refusal."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    made = world.own("POST", "/keys", token, {"protocols": ["srt"]}).json
    key, stream = made["stream_key"], made["stream_id"]
    world.beat(Beating())
    assert {said.code for said in publishes(world, key, stream).values()} == {"PROTOCOL_NOT_ALLOWED"}
    world.now += 60
    before = world.administer("GET", "accounts/acme/refusals").json

    suspend(world)

    assert set(map(told, publishes(world, key, stream).values())) == {INVALID}
    assert world.administer("GET", "accounts/acme/refusals").json == before


def test_nobody_tells_a_suspended_account_s_key_from_an_unknown_one(world: World, acme: tuple[str, str, str]) -> None:
    """Too many attempts are too many, by every way and counted together."""
    _, key, stream = acme
    suspend(world)

    said = [publishes(world, key, stream) for _ in range(6)]

    assert set(map(told, said[0].values())) == {INVALID}
    assert {way: answer.code for way, answer in said[-1].items() if way != "by MediaMTX"} == dict.fromkeys(
        ("by the URL", "by bearer", "by force", "by grant"), "RATE_LIMITED"
    )
    through = [publishes(world, key, stream)["by MediaMTX"].code for _ in range(25)]
    unknown = publishes(world, "live_" + "b" * 32, stream)["by MediaMTX"].code
    assert (through[-1], unknown) == ("RATE_LIMITED", "RATE_LIMITED")


def test_what_is_live_ends_and_its_viewers_with_it(world: World, node: Beating, acme: tuple[str, str, str]) -> None:
    """By a command for the account, at each suspension another one; afterwards its streams are offline."""
    _, key, stream = acme
    suspend(world)

    (command,) = world.beat(node).json["commands"]
    assert (command["account"], command["reason"]) == ("acme", "admin")
    node.streams.clear()
    world.beat(node)
    assert world.watch(stream).code == "STREAM_OFFLINE"
    world.now += 5
    suspend(world, suspended=False)
    world.beat(node)
    node.publishes(world, world.publish(key))
    world.beat(node)
    suspend(world)
    (again,) = world.beat(node).json["commands"]
    assert again["id"] != command["id"]


def test_a_resumed_account_is_as_it_was(world: World, node: Beating, acme: tuple[str, str, str]) -> None:
    """Keys, streams, limits and token."""
    token, key, stream = acme
    suspend(world)
    node.streams.clear()
    world.beat(node)

    assert suspend(world, suspended=False).json["suspended"] is False

    node.publishes(world, world.publish(key))
    assert world.beat(node).json["commands"] == []
    assert world.watch(stream).status == 307
    assert world.own("GET", "", token).status == 200


def test_a_grant_that_waits_while_its_account_is_suspended_never_lives(world: World, node: Beating) -> None:
    """At its first heartbeat, and at each one until it is gone."""
    world.account("acme")
    key, _ = world.key("acme")
    session = node.publishes(world, world.publish(key))

    suspend(world)

    for _ in range(2):
        commands = world.beat(node).json["commands"]
        assert session in {command["session"] for command in commands}
    assert world.slots("acme") == {}


def test_a_used_slot_of_a_suspended_account_is_looked_at_again(world: World, node: Beating) -> None:
    """A session whose slot was used before, and whose node did not hear the command: the roster's check ends it."""
    world.account("acme")
    key, _ = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    world.registry.set_suspended("acme", suspended=True)
    world.now += 31

    assert [command["session"] for command in world.beat(node).json["commands"]] == [session]


def test_a_deleted_account_is_gone(world: World, node: Beating, acme: tuple[str, str, str]) -> None:
    """Its keys, old secrets, streams, tokens, webhook and refusals; its bytes stay. What runs ends."""
    token, key, stream = acme
    world.own("POST", f"/keys/{stream}/rotate", token, {"overlap_seconds": 3600})
    gone = world.own("POST", "/keys", token, {}).json
    world.own("DELETE", f"/keys/{gone['stream_id']}", token)
    world.own("PUT", "/webhook", token, {"url": "http://127.0.0.1:1025/"})
    assert world.publish(key).code == "KEY_ALREADY_IN_USE"
    entries = [{"account": "acme", "month": "2026-11", "received": 5, "sent": 7}]
    world.consume({"v": 1, "node": "node1", "boot": "b1", "seq": 1, "at": 0.0, "entries": entries})
    world.account("other")
    world.key("other")

    assert world.administer("DELETE", "accounts/acme").json == {"done": "deleted"}

    assert {"acme"} == {command["account"] for command in world.beat(node).json["commands"]}
    node.streams.clear()
    assert world.beat(node).status == 200
    assert set(map(told, publishes(world, key, stream).values())) == {INVALID}
    assert world.watch(stream).code == "STREAM_NOT_FOUND"
    assert told(world.own("GET", "", token)) == told(world.own("GET", "", "acct_" + "z" * 32))
    assert world.administer("GET", "accounts/acme").status == 404
    assert world.administer("DELETE", "accounts/acme").status == 404
    left = [item for item in world.client.scan(TableName="accounts")["Items"] if "acme" in str(item)]
    assert [item["pk"]["S"] for item in left] == ["USAGE#acme#2026-11"]
    assert [one["account"] for one in world.administer("GET", "accounts").json["accounts"]] == ["other"]


def test_a_deletion_that_ran_out_of_time_goes_on(world: World) -> None:
    """Nothing publishes from its first moment on; asked again, it ends."""
    world.account("acme")
    keys = [world.key("acme")[0] for _ in range(120)]
    spent = iter([1.0, 0.0])
    acme = world.registry.account("acme")
    assert acme is not None
    world.registry.set_suspended("acme", suspended=True)

    assert world.registry.delete_account(acme, lambda: next(spent)) is False

    assert {world.publish(key).code for key in keys[::17]} == {"INVALID_KEY"}
    assert world.administer("DELETE", "accounts/acme").json == {"done": "deleted"}
    assert [item["pk"]["S"] for item in world.client.scan(TableName="accounts")["Items"]] == []


def test_an_account_of_the_same_name_is_another(world: World) -> None:
    """Neither the old token nor an old key opens it."""
    token = world.account("acme")
    world.administer("DELETE", "accounts/acme")
    world.account("acme")

    assert world.own("GET", "", token).code == "UNAUTHORIZED"


@pytest.mark.parametrize("change", [{"overrides": {"streams": 1}}, {"tier": "registered"}])
def test_a_lower_limit_ends_the_newest_streams_above_it(world: World, node: Beating, change: dict[str, Any]) -> None:
    """The oldest goes on; a grant that is not used yet is the newest, and loses its slot."""
    world.account("acme", Tier.SOLO_CREATOR)
    sessions = []
    for _ in range(3):
        key, oldest = world.key("acme")
        sessions.append(node.publishes(world, world.publish(key)))
        world.beat(node)
        world.now += 2
    waiting, other = world.key("acme")
    assert world.publish(waiting).status == 307

    assert world.administer("PATCH", "accounts/acme", change).status == 200

    commands = world.beat(node).json["commands"]
    assert {command["session"] for command in commands} >= set(sessions[1:])
    assert sessions[0] not in {command["session"] for command in commands}
    assert other not in world.slots("acme")
    assert oldest in world.slots("acme"), "until its node says that it ended"


def test_no_streams_end_the_one_that_runs(world: World, node: Beating, acme: tuple[str, str, str]) -> None:
    """As `sluice accounts set --streams 0` asks for."""
    _, key, stream = acme
    session = world.slots("acme")[stream]

    world.administer("PATCH", "accounts/acme", {"overrides": {"streams": 0}})

    (command,) = world.beat(node).json["commands"]
    assert (command["session"], command["reason"]) == (session, "admin")
    node.streams.clear()
    world.beat(node)
    assert world.publish(key).code == "STREAM_LIMIT_REACHED"


def test_dead_slots_end_nobody(world: World, node: Beating) -> None:
    """Slots of grants that lapsed count for nothing when a limit is lowered."""
    world.account("acme", Tier.SOLO_CREATOR, Overrides(streams=3))
    for _ in range(2):
        assert world.publish(world.key("acme")[0]).status == 307
    world.now += 60
    world.beat(node)
    node.publishes(world, world.publish(world.key("acme")[0]))
    world.beat(node)

    world.administer("PATCH", "accounts/acme", {"overrides": {"streams": 1}})

    assert world.beat(node).json["commands"] == []


def test_accounts_come_in_pages(world: World) -> None:
    """Whoever follows `next` sees each of them once."""
    names = [f"a{number:03}" for number in range(101)]
    for name in names:
        world.account(name)

    first = world.administer("GET", "accounts").json
    second = world.administer("GET", "accounts", query={"after": first["next"]}).json

    assert [one["account"] for page in (first, second) for one in page["accounts"]] == names
    assert second["next"] is None
    assert world.administer("GET", "accounts", query={"after": "?"}).status == 400
