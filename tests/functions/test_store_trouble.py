"""A table that throttles, and one that is gone: every endpoint says 503 and when to come back, and nothing else.

The functions' own composition roots over a client whose calls fail as botocore has them fail. What the node makes of it,
and that media goes on, is tested with real nodes (tests/integration/test_node_alone.py).
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from functions.edge.observability import LambdaLog
from functions.metering import handler as metering
from functions.public.api import examples
from functions.public.api.endpoints import ALL
from functions.storage.dynamo import Dynamo
from shared import refusals
from shared.refusals import Code
from tests.functions.front import SDP, Front
from tests.functions.public.test_openapi import target
from tests.functions.test_bad_input import identity
from tests.functions.world import NOW, OFFER, Answer, Beating, World, load_event

TOKEN = "acct_" + "a" * 32
ASKS_NOTHING = {
    "/v1/tiers",
    "/.well-known/jwks.json",
    "/",
    "/watch/{stream_id}",
    "/assets/{version}/{file}",
    "/assets/{version}/{folder}/{module}",
    "/docs",
    "/openapi.json",
}
STORED = [
    one
    for one in ALL
    if one.path not in ASKS_NOTHING and not one.summary.startswith(("Probe", "Preflight", "Not here"))
]


def failing(code: str, status: int = 400) -> ClientError:
    """An error of DynamoDB's, as botocore raises it."""
    said: Any = {
        "Error": {"Code": code, "Message": "table accounts in account 123"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(said, "AnyOperation")


TROUBLES: dict[str, Exception] = {
    "throttled": failing("ProvisionedThroughputExceededException"),
    "too many requests": failing("ThrottlingException"),
    "gone": failing("ResourceNotFoundException"),
    "its own trouble": failing("InternalServerError", 500),
    "unreachable": EndpointConnectionError(endpoint_url="http://dynamodb"),
    "late": ReadTimeoutError(endpoint_url="http://dynamodb"),
    "not there": ConnectTimeoutError(endpoint_url="http://dynamodb"),
}


class Broken:
    """A DynamoDB client whose every call fails alike."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        """Any operation of the client, which fails."""

        def operation(**_: Any) -> Any:
            raise self._error

        return operation


def test_a_store_in_trouble_is_503_with_a_time(world: World) -> None:
    """At every endpoint, whatever the trouble; no name of a table, no traceback; and the document says so."""
    for trouble in TROUBLES.values():
        broken: Any = Broken(trouble)
        front = Front(world, dynamo=Dynamo(broken), ssm=world.ssm)
        for one in STORED:
            assert Code.UNAVAILABLE in one.refusals, identity(one)
            headers = [SDP] if one.takes_offer else []
            token = {"stream key": examples.STREAM_KEY, "account token": TOKEN}.get(one.security)
            for body in examples.REQUESTS.get((one.method, one.path), {"": None}).values():
                answer = front.ask(one.method, target(one), body, headers, token)

                assert (answer.status, answer.code) == (503, "UNAVAILABLE"), (identity(one), trouble, answer.text)
                assert answer.headers["Retry-After"] == "2"
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert set(answer.json) == {"error", "code"}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_usage_waits_in_the_queue_for_a_store_in_trouble(world: World, trouble: Exception) -> None:
    """The records come again, and none is lost; the handler itself does not fail, which would bring the good ones again too."""
    broken: Any = Broken(trouble)
    service = metering.build(world.settings, LambdaLog("metering"), Dynamo(broken), clock=world.clock)
    entry = {"account": "acme", "month": "2026-11", "received": 1, "sent": 2}
    (record,) = load_event("usage")["Records"]
    body = report(entry)

    answer = metering.consume({"Records": [{**record, "messageId": "1", "body": body}]}, service, LambdaLog("metering"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def report(entry: dict[str, Any]) -> str:
    """A usage report with one *entry*."""
    return json.dumps({"v": 1, "node": "node1", "boot": "b" * 16, "seq": 1, "at": NOW, "entries": [entry]})


def test_a_signer_that_cannot_be_read_is_503(world: World) -> None:
    """The parameter store fails: nothing that needs a key can be answered."""
    world.ssm.delete_parameter(Name=world.settings.signer_parameter)
    world.ssm.delete_parameter(Name=world.settings.jwks_parameter)
    front = Front(world)

    answers = [
        front.ask("GET", "/.well-known/jwks.json"),
        front.ask(
            "POST", "/v1/nodes/node1/heartbeat", examples.REQUESTS[("post", "/v1/nodes/{node}/heartbeat")]["idle"]
        ),
    ]

    assert [(answer.status, answer.code, answer.headers["Retry-After"]) for answer in answers] == [
        (503, "UNAVAILABLE", "2")
    ] * 2


def publishes(front: Front, key: str, *, force: bool = False) -> list[Answer]:
    """What *key* gets by each way to publish at the API."""
    flag = "?force=1" if force else ""
    return [
        front.ask("POST", f"/{key}/whip{flag}", OFFER, [SDP]),
        front.ask("POST", f"/whip{flag}", OFFER, [SDP], key),
        front.ask("POST", "/v1/grants", {"action": "publish", "key": key, "force": force}),
    ]


@pytest.mark.usefixtures("node")
def test_without_a_signer_no_publish_takes_a_slot(world: World) -> None:
    """A cold start that cannot read the signer: 503 with the documented refusal, and nothing that stands in the way of the
    next try. A key that publishes nothing is told so all the same, without asking for the signer.
    """
    world.account("acme")
    key, stream = world.key("acme")
    secret = world.ssm.get_parameter(Name=world.settings.signer_parameter, WithDecryption=True)["Parameter"]["Value"]
    world.ssm.delete_parameter(Name=world.settings.signer_parameter)
    front = Front(world)

    unknown = publishes(front, "live_" + "b" * 32)
    assert [answer.code for answer in unknown] == ["INVALID_KEY"] * 3
    assert not [call for call in world.calls["admission"] if call.action == "ssm:GetParameter"]
    for force in (False, True):
        for answer in publishes(front, key, force=force):
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
            assert answer.text == refusals.unavailable().json().decode()
            assert world.slots("acme") == {}
    accounts = world.settings.accounts_table
    assert not [call for call in world.calls["admission"] if call.write_units and accounts in call.resources]

    world.ssm.put_parameter(Name=world.settings.signer_parameter, Value=secret, Type="SecureString")
    assert publishes(front, key)[0].status == 307
    assert list(world.slots("acme")) == [stream]


def test_without_a_signer_nobody_is_taken_over(world: World, node: Beating) -> None:
    """`?force=1` by a client that would get no grant ends no session: neither its slot nor its node hears of it."""
    world.account("acme")
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    world.ssm.delete_parameter(Name=world.settings.signer_parameter)

    answers = publishes(Front(world), key, force=True)

    assert [answer.code for answer in answers] == ["UNAVAILABLE"] * 3
    assert world.slots("acme") == {stream: session}
    assert world.beat(node).json["commands"] == []
