"""The control plane's functions over an emulated AWS, on a clock of the test's: what tests of functions/ stand in.

Every function has its own DynamoDB client, whose calls are recorded, and answers real payload-2.0 events. moto stands
for DynamoDB: right for expressions and shapes, never for concurrency (tests/integration has that).
"""

import base64
import json
import os
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from botocore.config import Config
from mypy_boto3_dynamodb.client import DynamoDBClient
from samtranslator.yaml_helper import yaml_parse

from functions.account import handler as account
from functions.admin import handler as admin
from functions.admission import handler as admission
from functions.admission.routes import Admission
from functions.domain.destinations import Reach
from functions.domain.provision import CreatedKey, create_account, create_key
from functions.domain.signer import new_signer
from functions.domain.webhook import new_master
from functions.edge.observability import LambdaLog
from functions.edge.settings import FunctionSettings
from functions.edge.web import request_of
from functions.hooks import handler as hooks
from functions.hooks.service import MediaMtxAdmission
from functions.metering import handler as metering
from functions.metering.service import Metering
from functions.nodes import handler as nodes
from functions.nodes.sweep import Sweep
from functions.public import handler as public
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.registry import Registry
from functions.storage.rosters import Rosters
from functions.storage.usage import UsageLedger
from functions.webhooks import handler as webhooks
from functions.webhooks.posting import Poster
from functions.webhooks.service import Deliveries
from shared.grants import Action
from shared.tiers import NO_OVERRIDES, Overrides, Tier
from shared.verifier import Rejected, VerifiedGrant, Verifier
from tests.functions.capacity import units

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
NOW = 1_795_532_400.0
"""2026-11-24, 15:00 UTC."""
SETTINGS = FunctionSettings(
    "accounts", "fleet", "/sluice/test/signer", "/sluice/test/jwks", "sluice-test", region="local", stack="test",
    webhook_parameter="/sluice/test/webhooks", webhook_queue="https://sqs.test/webhooks",
    slow_webhook_queue="https://sqs.test/slow-webhooks", webhook_reach="local",
)  # fmt: skip
EXPRESSION_BYTES = 4096
OFFER = base64.b64decode(json.loads((ROOT / "events/whip.json").read_text())["body"]).decode()
CONTEXT: Any = SimpleNamespace(
    function_name="test", memory_limit_in_mb=128, invoked_function_arn="arn:test", aws_request_id="test"
)


@dataclass(frozen=True)
class Call:
    """One call that a function made."""

    action: str
    """As policies write it, for example `dynamodb:GetItem`."""
    resources: tuple[str, ...]
    """Tables or parameters."""
    consistent: bool = False
    """Whether it was a consistent read."""
    read_units: float = 0
    write_units: float = 0


@dataclass
class Answer:
    """An HTTP answer, easy to assert on."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body of the answer, decoded from JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of the refusal in the body."""
        return str(self.json["code"])

    @property
    def grant(self) -> str:
        """The grant in a redirect, or in the body."""
        if self.status == 201:
            return str(self.json["grant"])
        return self.headers["Location"].partition("?grant=")[2].partition("&")[0]


@dataclass
class Beating:
    """One node, as it would report itself."""

    id: str = "node1"
    boot: str = "bootbootboota222"
    url: str = "http://127.0.0.1:8889"
    region: str = "local"
    state: str = "serving"
    kind: str = "sfu"
    started_at: float = NOW - 100
    load: dict[str, int] = field(default_factory=lambda: {"max_sessions": 400})
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def publishes(self, world: "World", answer: Answer, **changes: Any) -> str:
        """Take up the session of *answer*'s grant; its id."""
        claims = world.verified(answer).claims
        self.streams[claims.stream] = {
            "stream": claims.stream, "account": claims.account, "session": claims.session, "epoch": claims.epoch,
            "viewers": 0, "max_viewers": claims.max_viewers, "since": world.now, "silent_ms": 20, "kbps": 2500,
        } | changes  # fmt: skip
        return claims.session

    def message(self, at: float) -> dict[str, Any]:
        """The body of the node's heartbeat."""
        return {
            "v": 1, "node": self.id, "boot": self.boot, "at": at, "url": self.url, "region": self.region,
            "state": self.state, "kind": self.kind, "started_at": self.started_at, "load": self.load,
            "streams": list(self.streams.values()), "ended": self.ended, "done": self.done, "waiting": self.waiting,
        }  # fmt: skip


class Bus:
    """EventBridge: keeps what it is told."""

    def __init__(self, calls: list[Call], told: list[dict[str, Any]]) -> None:
        self._calls = calls
        self._told = told

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, int]:  # noqa: N803 - the client's names
        """Take up to ten entries, as PutEvents does."""
        assert 0 < len(Entries) <= 10
        self._calls += [Call("events:PutEvents", (entry["EventBusName"],)) for entry in Entries]
        self._told += [{**entry, "Detail": json.loads(entry["Detail"])} for entry in Entries]
        return {"FailedEntryCount": 0}


class Queue:
    """SQS: keeps what is postponed, and what is handed over."""

    def __init__(
        self, calls: list[Call], postponed: list[tuple[str, int]], handed: list[tuple[dict[str, Any], int]]
    ) -> None:
        self._calls = calls
        self._postponed = postponed
        self._handed = handed

    def send_message(
        self,
        QueueUrl: str,  # noqa: N803 - the client's names
        MessageBody: str,  # noqa: N803
        DelaySeconds: int,  # noqa: N803
        MessageAttributes: dict[str, dict[str, str]],  # noqa: N803
    ) -> None:
        """Keep a message as the function of its queue would have it."""
        self._calls.append(Call("sqs:SendMessage", (QueueUrl,)))
        assert 0 <= DelaySeconds <= 900
        carried = {name: {"stringValue": value["StringValue"]} for name, value in MessageAttributes.items()}
        self._handed.append(({"body": MessageBody, "messageAttributes": carried}, DelaySeconds))

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 - the client's names
        """Hide a message for some time."""
        self._calls.append(Call("sqs:ChangeMessageVisibility", (QueueUrl,)))
        self._postponed.append((ReceiptHandle, VisibilityTimeout))


class World:
    """The functions, their store, their clock."""

    def __init__(self, endpoint: str | None = None, settings: FunctionSettings = SETTINGS) -> None:
        self.now = NOW
        self.settings = settings
        self.calls: dict[str, list[Call]] = {
            "admission": [],
            "hooks": [],
            "nodes": [],
            "metering": [],
            "admin": [],
            "public": [],
            "account": [],
            "webhooks": [],
            "slow_webhooks": [],
        }
        self.told: list[dict[str, Any]] = []
        """Events, as PutEvents got them."""
        self.later: list[tuple[float, Callable[[], None]]] = []
        """What happens while a function sleeps."""
        self.slept = 0.0
        self._endpoint = endpoint
        client = self._client(None)
        create_tables(client, self.settings)
        self.client = client
        self.dynamo = Dynamo(client)
        ssm = boto3.client("ssm", region_name="us-east-1", endpoint_url=endpoint)
        secret, self.jwks = new_signer(os.urandom, NOW)
        ssm.put_parameter(Name=self.settings.signer_parameter, Value=secret, Type="SecureString")
        ssm.put_parameter(Name=self.settings.jwks_parameter, Value=self.jwks, Type="String")
        if self.settings.webhook_parameter:
            ssm.put_parameter(Name=self.settings.webhook_parameter, Value=new_master(os.urandom), Type="SecureString")
        self.ssm = ssm
        self.registry = Registry(self.dynamo, self.settings.accounts_table)
        self.rosters = Rosters(self.dynamo, self.settings.accounts_table)
        self.ledger = UsageLedger(self.dynamo, self.settings.accounts_table)
        self.directory = Directory(self.dynamo, self.settings.accounts_table, self.settings.fleet_table)
        self.postponed: list[tuple[str, int]] = []
        """Receipts of waiting webhook messages, and for how long they were hidden."""
        self.handed: list[tuple[dict[str, Any], int]] = []
        """Messages of the slow lane, and in how many seconds they are seen."""

    # Time

    def clock(self) -> float:
        """The time in this world."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass; what is due in it happens."""
        self.slept += seconds
        until = self.now + seconds
        for due in sorted((entry for entry in self.later if entry[0] <= until), key=lambda entry: entry[0]):
            self.later.remove(due)
            self.now = max(self.now, due[0])
            due[1]()
        self.now = until

    # Functions: each begins with its first request, as on Lambda; few tests need them all, and a client is dear

    @cached_property
    def admission(self) -> Admission:
        """The execution environment of the admission function."""
        return self.new_admission()

    @cached_property
    def metering(self) -> Metering:
        """The execution environment of the metering function."""
        return metering.build(
            self.settings,
            LambdaLog("metering"),
            Dynamo(self._client("metering")),
            clock=self.clock,
            events=lambda: self._events("metering"),
        )

    @cached_property
    def nodes_client(self) -> DynamoDBClient:
        """DynamoDB as the nodes function calls it."""
        return self._client("nodes")

    @cached_property
    def _hook(self) -> MediaMtxAdmission:
        return hooks.build(
            self.settings,
            LambdaLog("hooks"),
            Dynamo(self._client("hooks")),
            clock=self.clock,
            sleep=self.sleep,
            events=lambda: self._events("hooks"),
        )

    @cached_property
    def _nodes(self) -> APIGatewayHttpResolver:
        return nodes.build(
            self.settings,
            LambdaLog("nodes"),
            Dynamo(self.nodes_client),
            self._ssm("nodes"),
            clock=self.clock,
            events=lambda: self._events("nodes"),
        )

    @cached_property
    def _sweep(self) -> Sweep:
        return nodes.sweep_over(
            self.settings,
            LambdaLog("nodes"),
            Dynamo(self._client("nodes")),
            clock=self.clock,
            events=lambda: self._events("nodes"),
        )

    @cached_property
    def _webhooks(self) -> Deliveries:
        return self.new_webhooks()

    @cached_property
    def _slow_webhooks(self) -> Deliveries:
        return self.new_webhooks("slow_webhooks")

    def new_webhooks(self, function: str = "webhooks", seconds: float = 10.0) -> Deliveries:
        """A fresh execution environment of one of the two functions, which waits so many *seconds* for an answer at most."""
        queue = self.settings.slow_webhook_queue if function == "slow_webhooks" else self.settings.webhook_queue
        return webhooks.build(
            replace(self.settings, webhook_queue=queue),
            LambdaLog("webhooks"),
            Dynamo(self._client(function)),
            self._ssm(function),
            lambda: Queue(self.calls[function], self.postponed, self.handed),
            clock=self.clock,
            poster=Poster(Reach.LOCAL, seconds=seconds),
        )

    @cached_property
    def _admin(self) -> APIGatewayHttpResolver:
        operator = admin.operator_over(Dynamo(self._client("admin")), self.settings, clock=self.clock)
        return admin.router(operator, LambdaLog("admin"))

    def new_admission(self) -> Admission:
        """A fresh execution environment of the admission function."""
        return admission.build(
            self.settings,
            LambdaLog("admission"),
            Dynamo(self._client("admission")),
            self._ssm("admission"),
            clock=self.clock,
            sleep=self.sleep,
            choose=lambda _: 0,
            events=lambda: self._events("admission"),
        )

    def request(self, event: dict[str, Any]) -> Answer:
        """What admission answers to a payload-2.0 event."""
        return _answer(self.admission.answer(request_of(event)).event())

    def publish(self, key: str, *, bearer: bool = False, **changes: Any) -> Answer:
        """POST an offer to the key's WHIP address."""
        if bearer:
            event = load_event("whip_bearer")
            event["headers"]["authorization"] = f"Bearer {key}"
        else:
            event = load_event("whip")
            event["pathParameters"] = {"id": key}
            event["rawPath"] = f"/{key}/whip"
        return self.request(changed(event, **changes))

    def watch(self, stream: str, **changes: Any) -> Answer:
        """POST an offer to the stream's WHEP address."""
        event = load_event("whep")
        event["pathParameters"] = {"id": stream}
        event["rawPath"] = f"/{stream}/whep"
        return self.request(changed(event, **changes))

    def ask_grant(self, body: Any, **changes: Any) -> Answer:
        """Send POST /v1/grants as a node."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self.request(changed(load_event("grants"), body=text, **changes))

    def ask_mediamtx(self, body: Any, node: str = "mtx1", address: str | None = None) -> Answer:
        """POST /v1/hooks/mediamtx as the MediaMTX *node* does, or with another body, or from another *address*."""
        text = body if isinstance(body, str) else json.dumps(body)
        event = changed(load_event("mediamtx"), body=text, query={"node": node}, address=address)
        return _answer(hooks.answer(self._hook, request_of(event), LambdaLog("hooks")).event())

    def beat(self, node: Beating, /, **changes: Any) -> Answer:
        """Let *node* send one heartbeat, with *changes* to its body."""
        answer = self.post_heartbeat(node.id, json.dumps({**node.message(self.now), **changes}))
        if answer.status == 200:
            node.ended.clear()
            node.done = [command["id"] for command in answer.json["commands"]]
        return answer

    def post_heartbeat(self, node: str, body: str) -> Answer:
        """POST *body* to the heartbeat's address of *node*."""
        event = changed(load_event("heartbeat"), body=body)
        event["rawPath"] = f"/v1/nodes/{node}/heartbeat"
        event["pathParameters"] = {"id": node}
        return _answer(self._nodes.resolve(event, CONTEXT))

    def sweep(self) -> int:
        """Let the sweep run; how many streams it says have ended."""
        return self._sweep.run()

    def consume(self, *bodies: Any, attempt: int = 1) -> list[int]:
        """Let metering consume one batch; the positions of the messages that failed."""
        (template,) = load_event("usage")["Records"]
        template["attributes"] = {**template.get("attributes", {}), "ApproximateReceiveCount": str(attempt)}
        records = [
            {**template, "messageId": str(number), "body": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
        answer = metering.consume({"Records": records}, self.metering, LambdaLog("metering"))
        return sorted(int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"])

    def deliver(self, *events: Any, attempt: int = 1) -> list[int]:
        """Let the webhooks function have *events* as the rule puts them into its queue; the positions that failed."""
        records = [
            {
                "messageId": str(number),
                "receiptHandle": f"receipt-{number}",
                "attributes": {"ApproximateReceiveCount": str(attempt)},
                "body": event if isinstance(event, str) else json.dumps(event),
            }
            for number, event in enumerate(events)
        ]
        answer = webhooks.consume({"Records": records}, self._webhooks, LambdaLog("webhooks"))
        return sorted(int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"])

    def deliver_slowly(self, by: Deliveries | None = None) -> list[int]:
        """Let the function of the slow lane have, in one batch, all that was handed over to it so far; the positions that failed."""
        handed, self.handed[:] = list(self.handed), []
        records = [
            {
                "messageId": str(number),
                "receiptHandle": f"slow-{number}",
                "attributes": {"ApproximateReceiveCount": "1"},
                **message,
            }
            for number, (message, _) in enumerate(handed)
        ]
        answer = webhooks.consume({"Records": records}, by or self._slow_webhooks, LambdaLog("webhooks"))
        return sorted(int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"])

    def routed(self) -> list[dict[str, Any]]:
        """What was told so far, as EventBridge's rule sends it on."""
        return [
            {
                "version": "0", "id": f"event-{number}", "detail-type": entry["DetailType"], "source": entry["Source"],
                "account": "000000000000", "time": "2026-11-24T15:00:00Z", "region": "us-east-1", "resources": [],
                "detail": entry["Detail"],
            }
            for number, entry in enumerate(self.told)
        ]  # fmt: skip

    def administer(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Answer:
        """One call of the operator's API."""
        event = changed(load_event("admin"), method=method)
        event["rawPath"] = f"/v1/admin/{path}"
        if query:
            event["queryStringParameters"] = query
        if body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        return _answer(self._admin.resolve(event, CONTEXT))

    def read(self, function: str, path: str, token: str | None = None) -> Answer:
        """GET *path* of the public function, or of the owner's with an account token."""
        event = changed(load_event("admin"), method="GET", headers={"authorization": token and f"Bearer {token}"})
        event["rawPath"] = path
        log, dynamo = LambdaLog(function), Dynamo(self._client(function))
        app = (
            public.build(self.settings, log, dynamo, self._ssm(function), clock=self.clock)
            if function == "public"
            else account.build(self.settings, log, dynamo, self._ssm(function), clock=self.clock)
        )
        return _answer(app.resolve(event, CONTEXT))

    def own(self, method: str, path: str, token: str | None, body: Any = None, query: Any = None) -> Answer:
        """One call of the owner's API below `/v1/account`."""
        event = changed(load_event("admin"), method=method, headers={"authorization": token and f"Bearer {token}"})
        event["rawPath"] = f"/v1/account{path}"
        event["headers"] |= {"host": "api.example.com", "x-forwarded-proto": "https"}
        if query:
            event["queryStringParameters"] = query
        event["body"] = body if isinstance(body, str) or body is None else json.dumps(body)
        app = account.build(
            self.settings,
            LambdaLog("account"),
            Dynamo(self._client("account")),
            self._ssm("account"),
            clock=self.clock,
            events=lambda: self._events("account"),
        )
        return _answer(app.resolve(event, CONTEXT))

    # State

    def account(self, account: str, tier: Tier = Tier.REGISTERED, overrides: Overrides = NO_OVERRIDES) -> str:
        """Make an account; its token."""
        made = create_account(self.registry, account, tier, random=os.urandom, now=self.now, overrides=overrides)
        assert made is not None
        return made.token.reveal()

    def key(self, account: str) -> tuple[str, str]:
        """Make a stream key; the key and its stream."""
        found = self.registry.account(account)
        assert found is not None
        made: CreatedKey = create_key(self.registry, found, random=os.urandom, now=self.now)
        return made.stream_key.reveal(), made.stream

    def verified(self, answer: Answer, action: Action = Action.PUBLISH) -> VerifiedGrant:
        """The grant that *answer* carries, as its node would verify it."""
        assert answer.status in {201, 307}, answer.text
        body = json.loads(base64.urlsafe_b64decode(answer.grant.split(".")[1] + "=="))
        found = Verifier(json.loads(self.jwks)).verify(
            answer.grant, node=body["aud"], boot=body["boot"], stream=body["stream"], action=action, now=self.now
        )
        assert not isinstance(found, Rejected), found
        return found

    def slots(self, account: str) -> dict[str, str]:
        """The roster: stream -> session."""
        found = self.rosters.read(account)
        assert found is not None
        return {stream: slot.session for stream, slot in found.slots.items()}

    # Clients

    def _client(self, function: str | None) -> DynamoDBClient:
        config = Config(retries={"total_max_attempts": 1})
        client: DynamoDBClient = boto3.client(
            "dynamodb", region_name="us-east-1", endpoint_url=self._endpoint, config=config
        )
        if function is not None:
            self._record(client, "dynamodb", function)
        return client

    def _ssm(self, function: str) -> Any:
        client = boto3.client("ssm", region_name="us-east-1", endpoint_url=self._endpoint)
        self._record(client, "ssm", function)
        return client

    def _events(self, function: str) -> "Bus":
        return Bus(self.calls[function], self.told)

    def _record(self, client: Any, service: str, function: str) -> None:
        asked: list[dict[str, Any]] = []

        def before(params: dict[str, Any], **_: Any) -> None:
            asked.append(dict(params))
            for name, text in params.items():
                # DynamoDB's limit, which moto does not have.
                assert not name.endswith("Expression") or len(text) <= EXPRESSION_BYTES, f"{name} is too long: {text}"
            if service == "dynamodb":
                params["ReturnConsumedCapacity"] = "TOTAL"

        def after(parsed: dict[str, Any], model: Any, **_: Any) -> None:
            params = asked[-1]
            read, written = units(model.name, params, parsed)
            call = Call(
                f"{service}:{model.name}",
                tuple(params.get("RequestItems", {})) or (str(params.get("TableName") or params.get("Name")),),
                "'ConsistentRead': True" in str(params),
                read,
                written,
            )
            self.calls[function].append(call)

        client.meta.events.register(f"before-parameter-build.{service}.*", before)
        client.meta.events.register(f"after-call.{service}.*", after)


@cache
def template() -> dict[str, Any]:
    """What template.yaml says, short forms written out."""
    found: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return found


def create_tables(client: DynamoDBClient, settings: FunctionSettings) -> None:
    """Create the tables that the template has."""
    resources = template()["Resources"]
    for name, logical in ((settings.accounts_table, "AccountsTable"), (settings.fleet_table, "FleetTable")):
        properties = resources[logical]["Properties"]
        client.create_table(
            TableName=name,
            **{key: properties[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode")},
        )


def load_event(name: str) -> dict[str, Any]:
    """A sample event of events/."""
    found: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return found


def changed(
    event: dict[str, Any],
    *,
    method: str | None = None,
    body: str | bytes | None = None,
    headers: dict[str, str | None] | None = None,
    query: dict[str, str] | None = None,
    address: str | None = None,
) -> dict[str, Any]:
    """*event* with some of its parts replaced; a header of None is taken away."""
    if method is not None:
        event["requestContext"]["http"]["method"] = method
    if address is not None:
        event["requestContext"]["http"]["sourceIp"] = address
    if query is not None:
        event["queryStringParameters"] = query
    if isinstance(body, bytes):
        event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    elif body is not None:
        event["body"], event["isBase64Encoded"] = body, False
    for name, value in (headers or {}).items():
        if value is None:
            event["headers"].pop(name, None)
        else:
            event["headers"][name] = value
    return event


def _answer(event: dict[str, Any]) -> Answer:
    headers = dict(event.get("headers", {}))
    for name, values in event.get("multiValueHeaders", {}).items():
        headers.setdefault(name, ", ".join(values))
    return Answer(event["statusCode"], headers, event.get("body") or "")
