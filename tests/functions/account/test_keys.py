"""Stream keys in their owner's hands: made, restricted, rotated, revoked; and nobody else's."""

from typing import Any

import pytest

from shared.tiers import Tier
from tests.functions.world import Answer, Beating, World


def make(world: World, token: str, **wish: Any) -> dict[str, Any]:
    """Send POST /v1/account/keys as the owner."""
    answer = world.own("POST", "/keys", token, wish)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.usefixtures("node")
def test_a_new_key_is_shown_once_with_its_addresses(world: World) -> None:
    """It publishes at once, and is masked from then on."""
    token = world.account("acme", Tier.SOLO_CREATOR)

    made = make(world, token, label="studio")

    assert made["whip"] == f"https://api.example.com/{made['stream_key']}/whip"
    assert made["whep"] == f"https://api.example.com/{made['stream_id']}/whep"
    assert world.publish(made["stream_key"]).status == 307
    listed = world.own("GET", "/keys", token)
    (key,) = listed.json["keys"]
    assert (key["label"], key["stream_key"]) == ("studio", made["stream_key"][:7] + "…")
    assert made["stream_key"] not in listed.text


@pytest.mark.usefixtures("node")
def test_a_key_publishes_by_its_protocols_only(world: World) -> None:
    """The documented refusal, with the account's tier; another key is not restricted."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    made = make(world, token, protocols=["rtmp"])

    refused = world.publish(made["stream_key"])

    assert (refused.status, refused.code, refused.json["tier"]) == (403, "PROTOCOL_NOT_ALLOWED", "solo_creator")
    assert world.ask_grant({"key": made["stream_key"], "action": "publish", "protocol": "rtmp"}).status == 201
    assert world.publish(make(world, token)["stream_key"]).status == 307


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": None}, "label"), ({"label": 1}, "label"), ({"label": "x" * 101}, "label"),
        ({"label": "a\nb"}, "label"), ({"protocols": []}, "protocols"), ({"protocols": "whip"}, "protocols"),
        ({"protocols": ["whep"]}, "protocols.0"), ({"stream_key": "live_x"}, "stream_key"),
        ("[]", None), ("{", None), ('{"label": "\\ud800"}', "label"), ('{"label": "a", "label": "b"}', "label"),
        ('{"label": "\u202e"}', "label"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_answered_with_its_field(world: World, body: Any, field: str | None) -> None:
    """400, and nothing is made."""
    token = world.account("acme")

    answer = world.own("POST", "/keys", token, body)

    assert (answer.status, answer.code, answer.json.get("field")) == (400, "INVALID_REQUEST", field)
    assert world.own("GET", "/keys", token).json["keys"] == []


def test_a_rotated_key_overlaps_with_its_successor(world: World, node: Beating) -> None:
    """Both publish the one stream; the old one, and its session, until the overlap is over."""
    token = world.account("acme")
    made = make(world, token)
    session = node.publishes(world, world.publish(made["stream_key"]))
    world.beat(node)

    rotated = world.own("POST", f"/keys/{made['stream_id']}/rotate", token, {"overlap_seconds": 60}).json

    assert rotated["stream_id"] == made["stream_id"]
    assert rotated["stream_key"] != made["stream_key"]
    assert rotated["old_until"] == world.now + 60
    assert world.beat(node).json["commands"] == []
    again = world.publish(made["stream_key"], query={"force": "1"})
    successor = world.verified(again).claims.session
    world.now += 61
    commands = world.beat(node).json["commands"]
    ended = {command["session"] for command in commands if command["reason"] == "revoked"}
    assert ended == {session, successor}
    assert world.publish(made["stream_key"]).code == "INVALID_KEY"
    node.streams.clear()
    world.beat(node)
    assert world.publish(rotated["stream_key"]).status == 307


@pytest.mark.usefixtures("node")
def test_a_revoked_key_takes_all_its_secrets_along(world: World) -> None:
    """The ones that a rotation left over as well."""
    token = world.account("acme")
    made = make(world, token)
    path = f"/keys/{made['stream_id']}"
    second = world.own("POST", f"{path}/rotate", token, {"overlap_seconds": 3600}).json
    third = world.own("POST", f"{path}/rotate", token, {"overlap_seconds": 3600}).json

    assert world.own("DELETE", path, token).status == 200

    secrets = [made["stream_key"], second["stream_key"], third["stream_key"]]
    assert {world.publish(secret).code for secret in secrets} == {"INVALID_KEY"}
    assert world.own("DELETE", path, token).status == 404
    assert world.own("GET", "/keys", token).json["keys"] == []


def test_a_live_session_ends_with_its_key(world: World, node: Beating) -> None:
    """The next heartbeat's answer tells its node."""
    token = world.account("acme")
    made = make(world, token)
    session = node.publishes(world, world.publish(made["stream_key"]))
    world.beat(node)

    world.own("DELETE", f"/keys/{made['stream_id']}", token)

    (command,) = world.beat(node).json["commands"]
    assert (command["session"], command["reason"]) == (session, "revoked")


def test_a_key_can_be_revoked_later(world: World, node: Beating) -> None:
    """Until then it publishes; what it began ends on time."""
    token = world.account("acme")
    made = make(world, token)
    at = world.now + 3600
    revoked = world.own("DELETE", f"/keys/{made['stream_id']}", token, query={"at": str(at)})
    assert revoked.json == {"stream_id": made["stream_id"], "revoked_at": at}

    session = node.publishes(world, world.publish(made["stream_key"]))
    assert world.beat(node).json["commands"] == []
    world.now = at + 1

    (command,) = world.beat(node).json["commands"]
    assert command["session"] == session
    assert world.publish(made["stream_key"]).code == "INVALID_KEY"


@pytest.mark.parametrize("at", ["", "soon", "-1", "0", "nan", "inf", "1e300", "1795532000"])
def test_a_time_that_makes_no_sense_is_refused(world: World, at: str) -> None:
    """The key stays as it was."""
    token = world.account("acme")
    made = make(world, token)

    answer = world.own("DELETE", f"/keys/{made['stream_id']}", token, query={"at": at})

    assert (answer.status, answer.json["field"]) == (400, "at")
    assert len(world.own("GET", "/keys", token).json["keys"]) == 1


def everything(world: World, token: str | None, stream: str) -> list[Answer]:
    """Every call that names a key or a stream, and those that need an account."""
    return [
        world.own("DELETE", f"/keys/{stream}", token),
        world.own("POST", f"/keys/{stream}/rotate", token, {"overlap_seconds": 60}),
    ]


@pytest.mark.usefixtures("node")
def test_another_accounts_key_is_like_one_that_does_not_exist(world: World) -> None:
    """The same answers, byte for byte, and nothing is done."""
    mine, theirs = world.account("acme"), world.account("rival")
    made = make(world, theirs, label="theirs")

    answers = [(answer.status, answer.text) for answer in everything(world, mine, made["stream_id"])]

    assert answers == [(answer.status, answer.text) for answer in everything(world, mine, "z" * 16)]
    assert {status for status, _ in answers} == {404}
    assert world.publish(made["stream_key"]).status == 307


def test_without_a_token_nothing_is_done_or_told(world: World) -> None:
    """401 before anything else is looked at."""
    made = make(world, world.account("acme"))

    for token in (None, "acct_" + "a" * 32, made["stream_key"]):
        for answer in [*everything(world, token, made["stream_id"]), world.own("POST", "/keys", token, "{")]:
            assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
