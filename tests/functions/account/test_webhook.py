"""The owner's side of a webhook: set, shown once, rotated, tested, removed; and nobody else's."""

import time
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.functions.webhooks.receiver import Receiver, receiving
from tests.functions.world import World

URL = "https://hooks.example.com/sluice"


@pytest.fixture(name="token")
def _token(world: World) -> str:
    return world.account("acme")


def put(world: World, token: str, **body: Any) -> Any:
    """PUT a webhook; what is answered."""
    answer = world.own("PUT", "/webhook", token, {"url": URL, **body})
    assert answer.status == 200, answer.text
    return answer.json


def test_a_secret_is_shown_once(world: World, token: str) -> None:
    """By the answer that made it; a changed URL keeps it, and nothing that is stored gives it away."""
    made = put(world, token)
    assert made["secret"].startswith("whsec_")
    assert world.own("GET", "/webhook", token).json == {
        "url": URL, "events": None, "created": world.now, "secret": None, "old_secret_until": None, "last": None,
    }  # fmt: skip
    assert put(world, token, url=f"{URL}/2", events=["stream.ended"])["secret"] is None
    assert world.own("GET", "/webhook", token).json["events"] == ["stream.ended"]
    assert put(world, token)["events"] is None


def test_a_webhook_that_is_set_again_has_another_secret(world: World, token: str) -> None:
    """What a former integrator knew is worth nothing."""
    first = put(world, token)["secret"]
    assert world.own("DELETE", "/webhook", token).status == 200
    assert world.own("GET", "/webhook", token).code == "NOT_FOUND"
    assert world.own("DELETE", "/webhook", token).code == "NOT_FOUND"

    assert put(world, token)["secret"] != first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "https://example.com:22/"}, "url"),
        ({"url": "https://u:p@example.com/"}, "url"),
        ({"url": "https://example.com/\u2028"}, "url"),
        ({"url": "https://example.com/" + "a" * 2048}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["stream.exploded"]}, "events.0"),
        ({"url": URL, "events": ["webhook.test"]}, "events.0"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_by_its_field(
    world: World, token: str, body: dict[str, Any], field: str
) -> None:
    """With 400, and nothing is kept."""
    answer = world.own("PUT", "/webhook", token, body)

    assert (answer.status, answer.code, answer.json["field"]) == (400, "INVALID_REQUEST", field)
    assert world.own("GET", "/webhook", token).status == 404


def test_another_account_sees_and_changes_nothing(world: World, token: str) -> None:
    """Each token has its own webhook, and none without a token."""
    put(world, token)
    other = world.account("other")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")):
        assert world.own(method, f"/webhook{path}", other).code == "NOT_FOUND"
        assert world.own(method, f"/webhook{path}", None).code == "UNAUTHORIZED"
    assert world.own("PUT", "/webhook", "acct_" + "a" * 32, {"url": URL}).code == "UNAUTHORIZED"
    assert world.told == []
    assert world.own("GET", "/webhook", token).status == 200


def test_a_rotation_overlaps_and_a_test_arrives(world: World, token: str) -> None:
    """End to end: set, tested, rotated, tested again with two signatures; the owner sees how it went."""
    world.now = time.time()
    with receiving() as receiver:
        old = put(world, token, url=receiver.url, events=["quota.passed"])["secret"]
        assert world.own("POST", "/webhook/test", token).status == 202
        rotated = world.own("POST", "/webhook/rotate", token, {"overlap_seconds": 600})
        assert (rotated.status, rotated.json["old_secret_until"]) == (201, world.now + 600)
        assert world.deliver(*world.routed()) == []
        _verify(receiver, old)
        _verify(receiver, rotated.json["secret"])
        shown = world.own("GET", "/webhook", token).json
        assert shown["last"] == {"at": world.now, "type": "webhook.test", "error": None}
        assert shown["old_secret_until"] == world.now + 600
        receiver.statuses = [404]
        world.now += 61
        assert world.deliver(*world.routed()) == [0]
        assert world.own("GET", "/webhook", token).json["last"]["error"] == "The answer was 404."


def _verify(receiver: Receiver, secret: str) -> None:
    message = Verifier(secret).verify(receiver.received[-1].body, receiver.received[-1].headers)
    assert message["type"] == "webhook.test"
    assert message["data"] == {"v": 1, "account": "acme"}


def test_tests_are_limited(world: World, token: str) -> None:
    """Five at once; the receiver sees our address."""
    put(world, token)
    assert [world.own("POST", "/webhook/test", token).status for _ in range(6)] == [202] * 5 + [429]
    world.now += 12
    assert world.own("POST", "/webhook/test", token).status == 202


def test_without_the_master_secret_nothing_is_made(world: World, token: str) -> None:
    """503, and the next attempt finds nothing half made; what exists can be shown and sent elsewhere."""
    name = world.settings.webhook_parameter
    value = world.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    world.ssm.delete_parameter(Name=name)
    answer = world.own("PUT", "/webhook", token, {"url": URL})
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    world.ssm.put_parameter(Name=name, Value=value, Type="SecureString")

    assert put(world, token)["secret"]
