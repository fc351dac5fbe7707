"""The account token in its owner's hands: replaced at once or with an overlap, shown once, kept as a digest."""

from typing import Any

from shared.keys import AccountToken
from shared.tiers import Tier
from tests.functions.world import Answer, World


def rotate(world: World, token: str, **wish: Any) -> Answer:
    """Send POST /v1/account/token as the owner."""
    return world.own("POST", "/token", token, wish)


def opens(world: World, token: str) -> bool:
    """Whether *token* opens its account."""
    answer = world.own("GET", "", token)
    assert answer.status in {200, 401}
    return answer.status == 200


def test_a_new_token_ends_the_old_one(world: World) -> None:
    """At once, and only its digest is stored."""
    old = world.account("acme", Tier.SOLO_CREATOR)

    answer = rotate(world, old)

    new = answer.json["token"]
    assert (answer.status, answer.json["old_until"]) == (201, world.now)
    assert (opens(world, old), opens(world, new)) == (False, True)
    stored = str(world.client.scan(TableName="accounts")["Items"])
    assert new not in stored
    parsed, former = AccountToken.parse(new), AccountToken.parse(old)
    assert parsed is not None
    assert former is not None
    assert f"TOKEN#{parsed.digest}" in stored
    assert f"TOKEN#{former.digest}" not in stored


def test_tokens_overlap_for_as_long_as_was_asked(world: World) -> None:
    """A third one in the meantime prolongs nothing, and one without an overlap ends all others."""
    first = world.account("acme")
    second = rotate(world, first, overlap_seconds=60).json["token"]
    third = rotate(world, second, overlap_seconds=3600).json["token"]
    assert all(opens(world, token) for token in (first, second, third))
    world.now += 61
    assert [opens(world, token) for token in (first, second, third)] == [False, True, True]

    fourth = rotate(world, second).json["token"]

    assert [opens(world, token) for token in (first, second, third, fourth)] == [False, False, False, True]


def test_few_tokens_overlap(world: World) -> None:
    """The fifth is refused, and nothing changes."""
    token = world.account("acme")
    for _ in range(3):
        token = rotate(world, token, overlap_seconds=60).json["token"]

    assert rotate(world, token, overlap_seconds=60).code == "FORBIDDEN"
    assert opens(world, token)
    assert rotate(world, token).status == 201


def test_a_token_from_before_tokens_were_listed_is_replaced_like_any(world: World) -> None:
    """The account's item does not list it, and lists its successor alone."""
    old = world.account("acme")
    key: Any = {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "ACCOUNT"}}
    world.client.update_item(TableName="accounts", Key=key, UpdateExpression="REMOVE tk")
    assert opens(world, old)

    new = rotate(world, old).json["token"]

    assert (opens(world, old), opens(world, new)) == (False, True)


def test_who_was_slower_is_told(world: World) -> None:
    """Two rotations at once: one token opens the account, and the other was never shown."""
    old = world.account("acme")
    acme = world.registry.account("acme")
    assert acme is not None
    assert world.registry.replace_tokens(acme, "a" * 64, ()) is True

    assert world.registry.replace_tokens(acme, "b" * 64, ()) is False
    assert not opens(world, old)
    assert "b" * 64 not in str(world.client.scan(TableName="accounts")["Items"])


def test_a_wrong_wish_is_answered_with_its_field(world: World) -> None:
    """400, and the token stays."""
    token = world.account("acme")

    for wrong in (-1, 2592001, "60", None, 1.5):
        answer = rotate(world, token, overlap_seconds=wrong)
        assert (answer.status, answer.json["field"]) == (400, "overlap_seconds")
    assert opens(world, token)
