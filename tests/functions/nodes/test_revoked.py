"""A revoked key has no live session within one heartbeat, whatever came between reading the key and taking the slot."""

from dataclasses import replace
from typing import Any

import pytest

from functions.domain.accounts import Key
from functions.domain.fleet import Fleet
from functions.storage.directory import Directory
from tests.functions.world import Answer, Beating, World


class Meanwhile(Directory):
    """A directory after whose first answer something happens."""

    def __init__(self, real: Directory, act: Any) -> None:
        super().__init__(real._dynamo, real._accounts, real._fleet)
        self._act = act

    def key_and_fleet(self, digest: str) -> tuple[Key | None, Fleet]:
        """The key as it was, before it happens."""
        found = super().key_and_fleet(digest)
        act, self._act = self._act, None
        if act is not None:
            act()
        return found


def commands(answer: Answer) -> list[tuple[str, str]]:
    """What a heartbeat's answer orders."""
    return [(command["reason"], command["session"]) for command in answer.json["commands"]]


@pytest.fixture(name="owner")
def _owner(world: World) -> tuple[str, str, str]:
    """Acme's token, a key and its stream."""
    token = world.account("acme")
    return (token, *world.key("acme"))


def overtaken(world: World, node: Beating, key: str, act: Any) -> str:
    """A publish whose key was read before *act* and whose slot is written after it; the session, begun."""
    directory = world.admission._dependencies.directory
    world.admission._dependencies = replace(world.admission._dependencies, directory=Meanwhile(world.directory, act))
    session = node.publishes(world, world.publish(key))
    world.admission._dependencies = replace(world.admission._dependencies, directory=directory)
    return session


@pytest.mark.parametrize("path", ["", "/rotate"])
def test_a_publish_that_a_revocation_overtakes_is_ended_by_its_first_heartbeat(
    world: World, node: Beating, owner: tuple[str, str, str], path: str
) -> None:
    """Revoked or rotated without an overlap; at every heartbeat until it is gone, and never live for anybody."""
    token, key, stream = owner
    method = "POST" if path else "DELETE"
    session = overtaken(world, node, key, lambda: world.own(method, f"/keys/{stream}{path}", token))

    for _ in range(2):
        node.done.clear()
        assert commands(world.beat(node)) == [("revoked", session)]
    assert world.told == []
    ended = [{"session": session, "stream": stream, "account": "acme", "action": "publish"}]
    node.streams.clear()
    assert commands(world.beat(node, ended=ended)) == []
    assert world.slots("acme") == {}


def test_a_grant_that_waits_while_its_key_is_revoked_never_lives(
    world: World, node: Beating, owner: tuple[str, str, str]
) -> None:
    """Also where the operator revoked it, who looks for running sessions only."""
    _, key, stream = owner
    session = node.publishes(world, world.publish(key))
    assert world.administer("DELETE", f"accounts/acme/keys/{stream}").status == 200

    assert ("revoked", session) in commands(world.beat(node))


def test_an_end_that_was_planned_meanwhile_comes_on_time(
    world: World, node: Beating, owner: tuple[str, str, str]
) -> None:
    """A rotation with an overlap, overtaken likewise: the session lives until then."""
    token, key, stream = owner
    body = {"overlap_seconds": 60}
    session = overtaken(world, node, key, lambda: world.own("POST", f"/keys/{stream}/rotate", token, body))
    assert commands(world.beat(node)) == []
    assert [entry["DetailType"] for entry in world.told] == ["Stream Started"]
    world.now += 60

    assert commands(world.beat(node)) == [("revoked", session)]


def test_the_new_secret_of_a_rotated_key_is_not_held_against_its_session(
    world: World, node: Beating, owner: tuple[str, str, str]
) -> None:
    """Its stream had another secret, which is over; the session lives, and costs one read more at its begin only."""
    token, key, stream = owner
    new = world.own("POST", f"/keys/{stream}/rotate", token).json["stream_key"]
    node.publishes(world, world.publish(new))
    world.calls["nodes"].clear()
    for _ in range(3):
        assert commands(world.beat(node)) == []
    assert world.publish(key).code == "INVALID_KEY"

    reads = [call for call in world.calls["nodes"] if call.action == "dynamodb:GetItem"]
    assert [call.resources for call in reads].count(("accounts",)) == 1
