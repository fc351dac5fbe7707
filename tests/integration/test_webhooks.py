"""Webhooks on real services: the rule, the queue and its dead letters as the template has them; then the whole stack."""

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from functions.domain.events import publish_refused
from functions.domain.webhook import Webhook, new_master
from functions.edge.eventbus import EventBus
from functions.edge.observability import LambdaLog
from functions.edge.settings import FunctionSettings
from functions.storage.dynamo import Dynamo
from functions.storage.webhooks import Webhooks
from functions.webhooks import handler
from functions.webhooks.service import DELAYS
from local.aws.emulator import AwsClients, deploy
from local.aws.intrinsics import Deployment
from local.aws.template import read
from local.process.processes import ROOT
from tests.functions.webhooks.receiver import Receiver, receiving
from tests.integration.metering.test_exact import accounts_table, client
from tests.local.builders import CREDENTIALS, wait_for


def test_what_is_never_taken_ends_among_the_dead_letters(aws_endpoint: str) -> None:
    """After exactly eight attempts with one id; events of another stack do not even come into the queue."""
    name = f"t{uuid.uuid4().hex[:8]}"
    template = read(ROOT / "template.yaml", Deployment(name, "us-east-1", aws_endpoint, "", {"WebhookReach": "local"}))
    clients = AwsClients(aws_endpoint, CREDENTIALS)
    deploy(template, clients)
    settings = FunctionSettings.from_environment(template.functions["WebhooksFunction"].environment)
    clients.ssm.put_parameter(Name=settings.webhook_parameter, Type="SecureString", Value=new_master(os.urandom))
    log, dynamo = LambdaLog("webhooks"), Dynamo(clients.dynamodb)
    deliveries = handler.build(
        settings, log, dynamo, clients.ssm, lambda: clients.sqs, delays=[0] * len(DELAYS)
    )  # fmt: skip
    with receiving() as receiver:
        receiver.statuses = [500]
        Webhooks(dynamo, settings.accounts_table).create(Webhook("acme", receiver.url, "5a17", created=0))
        for stack in (name, "another"):
            told = [publish_refused("acme", "q5sm2xr7dcwk3ybh", "STREAM_LIMIT_REACHED", "whip")]
            assert EventBus(lambda: clients.events, "default", stack, log).put(told)
        received = 0
        while records := _receive(clients, settings.webhook_queue):
            received += len(records)
            failed = handler.consume({"Records": records}, deliveries, log)["batchItemFailures"]
            assert [failure["itemIdentifier"] for failure in failed] == [record["messageId"] for record in records]

    assert received == len(receiver.received) == len(DELAYS) + 1
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    (dead,) = _receive(clients, template.queues["WebhookDeadLetters"].url)
    assert json.loads(dead["body"])["detail"]["account"] == "acme"


def _receive(clients: AwsClients, queue: str) -> list[dict[str, Any]]:
    """What Lambda's poller would hand over."""
    found = clients.sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "attributes": message["Attributes"],
            "body": message["Body"],
        }
        for message in found.get("Messages", [])
    ]


@pytest.mark.timeout(60)
def test_an_owner_s_receiver_gets_tests_and_events(stack: dict[str, Any]) -> None:
    """Through the API, EventBridge's rule, the queue and the function of `make up`, signed with the secret that it showed."""
    (account,) = (found for found in stack["accounts"] if found["account"] == "anonymous-demo")

    key = account["keys"][0]["stream_key"]

    def ask(method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the stack's own address
            f"{stack['api']}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {account['token']}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
            return json.load(answer)

    with receiving() as receiver:
        secret = ask("PUT", "/v1/account/webhook", {"url": receiver.url})["secret"]
        try:
            ask("POST", "/v1/account/webhook/test")
            wait_for(lambda: receiver.received, 20)
            with pytest.raises(urllib.error.HTTPError, match="403"):
                ask("POST", "/v1/grants", {"action": "publish", "protocol": "rtmp", "key": key})
            wait_for(lambda: len(receiver.received) == 2, 20)
        finally:
            ask("DELETE", "/v1/account/webhook")
    messages = [Verifier(secret).verify(got.body, got.headers) for got in receiver.received]
    assert [message["type"] for message in messages] == ["webhook.test", "publish.refused"]
    assert messages[1]["data"]["code"] == "PROTOCOL_NOT_ALLOWED"


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_a_slow_receiver_holds_up_nobody_else(stack: dict[str, Any]) -> None:
    """Two hundred events of an account whose receiver takes three seconds, and forty of one whose receiver is quick: these are there soon.

    And the slow ones arrive as well, each of them, and not many twice.
    """
    dynamodb = client(stack, "dynamodb")
    store = Webhooks(Dynamo(dynamodb), accounts_table(stack, dynamodb))
    bus = EventBus(lambda: client(stack, "events"), "default", "local", LambdaLog("webhooks"))
    names = {who: f"{who}-{uuid.uuid4().hex[:8]}" for who in ("quick", "slow")}

    def tell(who: str, *numbers: int) -> None:
        happened = [
            publish_refused(names[who], f"stream{number}", "STREAM_LIMIT_REACHED", "whip") for number in numbers
        ]
        for start in range(0, len(happened), 10):
            assert bus.put(happened[start : start + 10])

    with receiving() as quick, receiving() as slow:
        arrived: dict[str, float] = {}
        slow.act = _slowly
        quick.act = lambda handler: _noting(handler, quick, arrived)
        for who, receiver in (("quick", quick), ("slow", slow)):
            assert store.create(Webhook(names[who], receiver.url, "5a17", created=0))
        told: dict[str, float] = {}
        tell("slow", *range(200))
        for number in range(40):
            told[f"stream{number}"] = time.monotonic()
            tell("quick", number)
            time.sleep(0.15)
        wait_for(lambda: len(arrived) == 40, 60)
        took = sorted(arrived[stream] - at for stream, at in told.items())
        known = len({got.headers["webhook-id"] for got in slow.received})
        wait_for(lambda: len({got.headers["webhook-id"] for got in slow.received}) > known, 30)
        for who in names.values():
            store.delete(who)

    assert took[37] < 2, took
    assert len(slow.received) < 2 * known + 20


def _slowly(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)
    handler.send_response(204)
    handler.end_headers()


def _noting(handler: BaseHTTPRequestHandler, receiver: Receiver, arrived: dict[str, float]) -> None:
    for got in list(receiver.received):
        arrived.setdefault(json.loads(got.body)["data"]["stream"], time.monotonic())
    handler.send_response(204)
    handler.end_headers()
