"""What an account token opens, through real payload-2.0 events."""

from collections.abc import Callable

import pytest

from functions.account import handler
from functions.domain.usage import UsageTotal
from functions.edge.observability import LambdaLog
from functions.storage.dynamo import Dynamo
from shared.months import month_of
from shared.tiers import Overrides, Tier
from tests.functions.world import CONTEXT, Answer, Beating, World, load_event

Get = Callable[..., Answer]


@pytest.fixture
def get(world: World) -> Get:
    """GET a path of the account function with a token."""
    world.calls.setdefault("account", [])
    dynamo = Dynamo(world._client("account"))
    app = handler.build(world.settings, LambdaLog("account"), dynamo, world._ssm("account"), clock=world.clock)

    def ask(path: str, authorization: str | None) -> Answer:
        event = load_event("account")
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        del event["headers"]["authorization"]
        if authorization is not None:
            event["headers"]["authorization"] = authorization
        found = app.resolve(event, CONTEXT)
        return Answer(found["statusCode"], dict(found["headers"]), found["body"])

    return ask


def test_an_owner_sees_limits_usage_and_what_is_live(get: Get, world: World, node: Beating) -> None:
    """Usage is the exact sum of all nodes' totals; streams are what living nodes report."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key), viewers=3, kbps=2600)
    world.beat(node)
    month = month_of(world.now)
    world.ledger.merge(UsageTotal("acme", month, "node1", "boota", 100_000_000, 400_000_000))
    world.ledger.merge(UsageTotal("acme", month, "node2", "bootb", 1, 2))
    world.ledger.merge(UsageTotal("other", month, "node1", "boota", 7, 7))

    answer = get("/v1/account", f"Bearer {token}")

    assert answer.status == 200
    assert answer.json == {
        "account": "acme",
        "tier": "solo_creator",
        "limits": {
            "streams": 4,
            "bytes": 500_000_000_000,
            "viewers": 30,
            "kbps": 12_000,
            "protocols": ["hls", "rtmp", "srt", "whep", "whip"],
            "hls_embed": "anywhere",
        },
        "usage": {
            "month": "2026-11",
            "bytes": 500_000_003,
            "quota_bytes": 500_000_000_000,
            "percentage_used": 0.1,
            "blocked": False,
            "resets_at": 1_796_083_200.0,
        },
        "streams": [
            {
                "stream_id": stream,
                "viewers": 3,
                "limit": 30,
                "since": world.now,
                "kbps": 2600,
                "node": "node1",
                "region": "local",
            }
        ],
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_overrides_are_the_limits_that_count(get: Get, world: World) -> None:
    """An operator's exception is what the owner sees."""
    token = world.account("acme", Tier.REGISTERED, Overrides(streams=7, bytes=10))

    limits = get("/v1/account", f"Bearer {token}").json["limits"]

    assert (limits["streams"], limits["bytes"], limits["viewers"]) == (7, 10, 20)


def test_a_used_up_quota_is_told(get: Get, world: World) -> None:
    """Blocked, with the time when counting begins anew."""
    token = world.account("acme", Tier.REGISTERED, Overrides(bytes=1000))
    month = month_of(world.now)
    world.ledger.merge(UsageTotal("acme", month, "node1", "boota", 0, 1001))
    world.ledger.block("acme", month, 1001)

    usage = get("/v1/account", f"Bearer {token}").json["usage"]

    assert (usage["blocked"], usage["percentage_used"]) == (True, 100.1)


@pytest.mark.usefixtures("node")
def test_a_grant_that_nobody_uses_is_not_live(get: Get, world: World) -> None:
    """A slot is taken, but no node holds a session."""
    token = world.account("acme")
    key, _ = world.key("acme")
    assert world.publish(key).status == 307

    assert get("/v1/account", f"Bearer {token}").json["streams"] == []


@pytest.mark.parametrize("reason", ["lease", "boot"])
def test_sessions_of_a_dead_node_are_not_live(get: Get, world: World, node: Beating, reason: str) -> None:
    """Neither after the lease nor after a restart."""
    token = world.account("acme")
    key, _ = world.key("acme")
    node.publishes(world, world.publish(key))
    world.beat(node)
    if reason == "lease":
        world.now += 11
    else:
        world.now += 1
        world.beat(Beating(boot="bootbootbootb222", started_at=world.now))

    assert get("/v1/account", f"Bearer {token}").json["streams"] == []


def test_keys_are_listed_without_their_secrets(get: Get, world: World, node: Beating) -> None:
    """Streams, state, and nothing that publishes; a revoked key is gone."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    first, second = world.key("acme"), world.key("acme")
    revoked = world.key("acme")
    key = world.registry.key("acme", revoked[1])
    assert key is not None
    world.registry.revoke(key, world.now)
    node.publishes(world, world.publish(first[0]))
    world.beat(node)

    answer = get("/v1/account/keys", f"Bearer {token}")

    assert answer.status == 200
    assert {key["stream_id"]: key["live"] for key in answer.json["keys"]} == {first[1]: True, second[1]: False}
    assert {key["stream_key"] for key in answer.json["keys"]} == {first[0][:7] + "…", second[0][:7] + "…"}
    assert first[0] not in answer.text


def test_an_account_sees_only_its_own(get: Get, world: World, node: Beating) -> None:
    """Another tenant's streams, keys and bytes are nowhere in the answer."""
    mine, _ = world.account("acme"), world.account("rival")
    key, stream = world.key("rival")
    node.publishes(world, world.publish(key))
    world.beat(node)

    text = get("/v1/account", f"Bearer {mine}").text + get("/v1/account/keys", f"Bearer {mine}").text

    assert stream not in text
    assert "rival" not in text


@pytest.mark.parametrize("path", ["/v1/account", "/v1/account/keys"])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer acct_" + "a" * 32,
        "Basic acct_" + "a" * 32,
        "Bearer live_" + "a" * 32,
        "Bearer acct_" + "A" * 32,
        "Bearer " + "x" * 10_000,
        "Bearer acct_" + "a" * 31 + "\u00e9",
    ],
)
def test_a_wrong_token_gets_one_answer(get: Get, world: World, path: str, authorization: str | None) -> None:
    """401 with a sentence, the challenge and CORS; no hint which part was wrong."""
    world.account("acme")

    answer = get(path, authorization)

    assert answer.status == 401
    assert answer.json == {"error": "This needs an account token", "code": "UNAUTHORIZED"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_stream_key_is_no_account_token(get: Get, world: World) -> None:
    """A publisher's secret opens nothing of the account."""
    world.account("acme")
    key, _ = world.key("acme")

    assert get("/v1/account", f"Bearer {key}").status == 401


def test_the_scheme_is_compared_without_regard_to_case(get: Get, world: World) -> None:
    """As RFC 9110, section 11.1, has it."""
    token = world.account("acme")

    assert get("/v1/account", f"bearer {token}").status == 200


def test_a_table_that_is_gone_is_unavailable(get: Get, world: World) -> None:
    """A 503 that says when to come back; the token is not called wrong."""
    token = world.account("acme")
    world.client.delete_table(TableName=world.settings.accounts_table)

    answer = get("/v1/account", f"Bearer {token}")

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")
