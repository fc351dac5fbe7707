"""Invalid keys over HTTP: a scanner is slowed down, an owner at the same address is not."""

import pytest

from tests.functions.world import Answer, Beating, World

WRONG = "live_" + "a" * 32


def scan(world: World, times: int, address: str = "203.0.113.7") -> list[Answer]:
    """Publish with a key that nobody has."""
    return [world.publish(WRONG, address=address) for _ in range(times)]


@pytest.mark.usefixtures("node")
def test_a_scanner_is_told_to_wait_and_touches_no_account(world: World) -> None:
    """After twenty, with the seconds; then a token every three."""
    found = scan(world, 22)

    assert [answer.code for answer in found] == ["INVALID_KEY"] * 20 + ["RATE_LIMITED"] * 2
    assert found[-1].headers["Retry-After"] == "3"
    assert found[-1].json["code"] == "RATE_LIMITED"
    written = [call for call in world.calls["admission"] if call.action == "dynamodb:UpdateItem"]
    assert {call.resources for call in written} == {("fleet",)}
    world.now += 3
    assert [answer.code for answer in scan(world, 2)] == ["INVALID_KEY", "RATE_LIMITED"]


@pytest.mark.usefixtures("node")
def test_a_right_key_from_the_same_address_works(world: World) -> None:
    """The bucket is asked only once a key was not found. Another address is not held up either."""
    scan(world, 30)
    world.account("acme")
    key, _ = world.key("acme")

    assert world.publish(key).status == 307
    assert scan(world, 1, "203.0.113.8")[0].code == "INVALID_KEY"
    assert [answer.code for answer in scan(world, 1, "2001:db8::1")] == ["INVALID_KEY"]


@pytest.mark.usefixtures("node")
def test_asking_on_does_not_make_the_wait_longer(world: World) -> None:
    """Nor does it cost a write while this process remembers; another process costs one that fails."""
    scan(world, 21)
    world.calls["admission"].clear()
    scan(world, 50)
    assert all(call.action == "dynamodb:BatchGetItem" for call in world.calls["admission"])
    world.admission = world.new_admission()
    assert scan(world, 1)[0].code == "RATE_LIMITED"

    world.now += 3

    assert scan(world, 1)[0].code == "INVALID_KEY"


@pytest.mark.usefixtures("node")
def test_a_revoked_key_is_answered_like_one_that_never_was(world: World) -> None:
    """The same bytes after the same calls, before and after the limit."""
    world.account("acme")
    key, stream = world.key("acme")
    owned = world.registry.key("acme", stream)
    assert owned is not None
    world.registry.revoke(owned, world.now)

    for _ in range(12):
        seen = []
        for text in (WRONG, key):
            world.calls["admission"].clear()
            answer = world.publish(text)
            seen.append(
                (answer.status, answer.headers, answer.text, [call.action for call in world.calls["admission"]])
            )
        assert seen[0] == seen[1] or {status for status, *_ in seen} == {401, 429}


def test_a_crowd_on_an_offline_stream_is_answered_from_memory(world: World, node: Beating) -> None:
    """One read a second; the stream is there again a second after it came back."""
    world.account("acme")
    key, stream = world.key("acme")
    for _ in range(50):
        assert world.watch(stream).code == "STREAM_OFFLINE"
    assert len([call for call in world.calls["admission"] if call.action == "dynamodb:BatchGetItem"]) == 1

    node.publishes(world, world.publish(key))
    world.beat(node)
    world.now += 1

    assert world.watch(stream).status == 307
