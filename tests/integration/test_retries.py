"""Retries are safe on real DynamoDB semantics: never two slots for one session, never a refusal caused by oneself."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from functions.edge.settings import FunctionSettings
from functions.edge.web import request_of
from shared.tiers import Tier
from tests.functions.world import Answer, Beating, World, changed, load_event

CLIENTS = 8


@pytest.fixture
def world(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions over tables of their own in the emulator."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    name = f"retries-{os.urandom(4).hex()}"
    return World(
        aws_endpoint,
        FunctionSettings(
            f"{name}-accounts", f"{name}-fleet", f"/sluice/{name}/signer", f"/sluice/{name}/jwks", "", stack=name
        ),
    )


def at_once(world: World, key: str, headers: list[dict[str, str]]) -> list[Answer]:
    """Publish with each of *headers* at the same moment, every one in a function process's environment of its own."""
    admissions = [world.new_admission() for _ in headers]
    start = Barrier(len(headers))

    def ask(number: int) -> Answer:
        event = load_event("whip")
        event["pathParameters"], event["rawPath"] = {"id": key}, f"/{key}/whip"
        start.wait(10)
        said = admissions[number].answer(request_of(changed(event, headers={**headers[number]}))).event()
        return Answer(said["statusCode"], dict(said["headers"]), said.get("body") or "")

    with ThreadPoolExecutor(len(headers)) as pool:
        return list(pool.map(ask, range(len(headers))))


def test_repetitions_at_the_same_moment_are_one_session(world: World) -> None:
    """A client that does not wait for its answer: all get grants for the same session, in the one slot of the account."""
    world.beat(Beating())
    world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")

    answers = at_once(world, key, [{"idempotency-key": "6f1f"}] * CLIENTS)

    assert [answer.status for answer in answers] == [307] * CLIENTS
    sessions = {world.verified(answer).claims.session for answer in answers}
    assert world.slots("acme") == {stream: sessions.pop()}
    assert sessions == set()


def test_a_repetition_of_a_client_that_is_in_replaces_its_own_session(world: World) -> None:
    """At its limit, with its session running, from every process alike: the answer is a grant, the slot stays one."""
    node = Beating()
    world.beat(node)
    world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    (first,) = at_once(world, key, [{"idempotency-key": "6f1f"}])
    node.publishes(world, first)
    world.beat(node)

    answers = at_once(world, key, [{"idempotency-key": "6f1f"}] * CLIENTS)

    assert [answer.status for answer in answers] == [307] * CLIENTS
    assert len({world.verified(answer).claims.session for answer in answers}) == 1
    assert list(world.slots("acme")) == [stream]
    assert all("code" not in (json.loads(answer.text) if answer.text else {}) for answer in answers)
