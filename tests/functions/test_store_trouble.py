"""A table that throttles, and one that is gone: every endpoint says 503 and when to come back, and nothing else.

The functions' own composition roots over a client whose calls fail as botocore has them fail. What the node makes of it,
and that media goes on, is tested with real nodes (tests/integration/test_node_alone.py).
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from functions.metering import handler as metering
from functions.observability import LambdaLog
from functions.public import examples
from functions.public.openapi import ALL
from functions.storage.dynamo import Dynamo
from shared.refusals import Code
from tests.functions.front import SDP, Front
from tests.functions.public.test_openapi import target
from tests.functions.test_bad_input import identity
from tests.functions.world import NOW, World, load_event

TOKEN = "acct_" + "a" * 32
ASKS_NOTHING = {
    "/v1/tiers",
    "/.well-known/jwks.json",
    "/",
    "/watch/{stream_id}",
    "/assets/{version}/{file}",
    "/docs",
    "/openapi.json",
}
STORED = [
    one
    for one in ALL
    if one.path not in ASKS_NOTHING and not one.summary.startswith(("Probe", "Preflight", "Not here"))
]


def failing(code: str, status: int = 400) -> ClientError:
    """As DynamoDB says it."""
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
        """Any operation."""

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
    """The parameter store fails: no grant, and no slot that nobody could use is kept for longer than a grant."""
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
