"""`POST /v1/nodes/{id}/heartbeat`, IAM-signed by nodes; and the sweep after those that are not heard of any more."""

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions.edge import answers
from functions.edge.decisions import logged_decision
from functions.edge.eventbus import EventBus, no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import LambdaLog, Log
from functions.edge.parameters import jwks_parameter
from functions.edge.routes import ApiRoute, RoutedRequest, register
from functions.edge.settings import FunctionSettings
from functions.edge.validation import parsed
from functions.nodes.audiences import AudienceNotes
from functions.nodes.service import HeartbeatService, HeartbeatStores
from functions.nodes.sweep import Sweep
from functions.storage.audiences import Audiences
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.rosters import Rosters
from functions.storage.streams import Streams
from shared.messages import Heartbeat, HeartbeatReply, PublicKeys
from shared.refusals import Refused

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore


def route(heartbeats: HeartbeatService, log: Log) -> ApiRoute:
    """The route by which a node, which IAM knows, reports and gets what it is to do."""

    def beat(request: RoutedRequest) -> HeartbeatReply | Refused:
        message, node = parsed(Heartbeat, request.event), request.path["node"]
        address = request.event["requestContext"]["http"].get("sourceIp") or ""
        return logged_decision(
            lambda: message if isinstance(message, Refused) else heartbeats.beat(node, message, address),
            log,
            route="heartbeat",
            node=node[:64],
        )

    return ApiRoute("POST", "/v1/nodes/<node>/heartbeat", beat)


def build(
    settings: FunctionSettings,
    log: LambdaLog,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> APIGatewayHttpResolver:
    """The heartbeats' part of the function, as a router of payload-2.0 events."""
    jwks = jwks_parameter(ssm, settings.jwks_parameter)
    registry = Registry(dynamo, settings.accounts_table)
    heartbeats = HeartbeatService(
        HeartbeatStores(
            Nodes(dynamo, settings.fleet_table),
            Rosters(dynamo, settings.accounts_table),
            Streams(dynamo, settings.accounts_table),
            Directory(dynamo, settings.accounts_table, settings.fleet_table),
            registry,
        ),
        lambda now: PublicKeys.model_validate(jwks.value(now)),
        clock,
        log,
        EventBus(events, settings.event_bus, settings.stack, log).put,
        RefusalLog(dynamo, settings.accounts_table).note,
        AudienceNotes(registry, Audiences(dynamo, settings.accounts_table)).tell,
    )
    app = answers.resolver(log.logger)
    register(app, [route(heartbeats, log)])
    return app


def sweep_over(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> Sweep:
    """The sweep's part of the function, over these tables and this event bus."""
    return Sweep(
        Nodes(dynamo, settings.fleet_table),
        Directory(dynamo, settings.accounts_table, settings.fleet_table).fleet,
        EventBus(events, settings.event_bus, settings.stack, log).put,
        clock,
        log,
    )


class _NodesFunction:
    """The two things that this function does, each made when it is first needed."""

    def __init__(self, given: Resources) -> None:
        self._given = given

    @cached_property
    def app(self) -> APIGatewayHttpResolver:
        given = self._given
        return build(given.settings, given.log, given.dynamo, given.aws.ssm(), events=given.aws.events)

    @cached_property
    def sweep(self) -> Sweep:
        given = self._given
        return sweep_over(given.settings, given.log, given.dynamo, events=given.aws.events)


_environment = ExecutionEnvironment("nodes", _NodesFunction)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway, or sweep as the template's schedule asks for."""
    function = _environment.begin(event, context)
    if event.get("do") == "sweep":
        return {"ended": function.sweep.run()}
    return function.app.resolve(dict(event), context)
