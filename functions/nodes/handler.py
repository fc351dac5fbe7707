"""`POST /v1/nodes/{id}/heartbeat`, IAM-signed by nodes; and the sweep after those that are not heard of any more."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions.edge import answers, aws
from functions.edge.eventbus import EventBus, no_client
from functions.edge.observability import LambdaLog, Log
from functions.edge.parameters import jwks_parameter
from functions.edge.settings import Settings
from functions.edge.validation import parsed
from functions.edge.verdicts import verdict
from functions.nodes.service import Heartbeats, HeartbeatStores
from functions.nodes.sweep import Sweep
from functions.nodes.waiting import Waiting
from functions.storage.audiences import Audiences
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.patience import Patience
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.rosters import Rosters
from functions.storage.streams import Streams
from shared.messages import Heartbeat, PublicKeys
from shared.refusals import Refused

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore


def router(heartbeats: Heartbeats, log: LambdaLog) -> APIGatewayHttpResolver:
    """The routes."""
    app = answers.resolver(log.logger)

    @app.post("/v1/nodes/<node>/heartbeat")
    def heartbeat(node: str) -> answers.Answer:
        event = app.current_event.raw_event
        message, address = parsed(Heartbeat, event), event["requestContext"]["http"].get("sourceIp") or ""
        said = verdict(
            lambda: message if isinstance(message, Refused) else heartbeats.beat(node, message, address),
            log,
            route="heartbeat",
            node=node[:64],
        )
        return answers.refusal(said) if isinstance(said, Refused) else answers.model(said)

    return app


def build(
    settings: Settings,
    log: LambdaLog,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> APIGatewayHttpResolver:
    """The composition root."""
    jwks = jwks_parameter(ssm, settings.jwks_parameter)
    registry = Registry(dynamo, settings.accounts_table)
    heartbeats = Heartbeats(
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
        Waiting(registry, Audiences(dynamo, settings.accounts_table)).tell,
    )
    return router(heartbeats, log)


def sweep_over(
    settings: Settings,
    log: Log,
    dynamo: Dynamo,
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> Sweep:
    """The sweep's composition root."""
    return Sweep(
        Nodes(dynamo, settings.fleet_table),
        Directory(dynamo, settings.accounts_table, settings.fleet_table).fleet,
        EventBus(events, settings.event_bus, settings.stack, log).put,
        clock,
        log,
    )


@cache
def _patience() -> Patience:
    return Patience()


@cache
def _log() -> LambdaLog:
    return LambdaLog("nodes")


@cache
def _session() -> aws.Session:
    return aws.Session()


@cache
def _app() -> APIGatewayHttpResolver:
    session = _session()
    return build(
        Settings.from_environment(os.environ),
        _log(),
        Dynamo(session.dynamodb(), _patience()),
        session.ssm(),
        events=session.events,
    )


@cache
def _sweep() -> Sweep:
    session = _session()
    return sweep_over(
        Settings.from_environment(os.environ), _log(), Dynamo(session.dynamodb(), _patience()), events=session.events
    )


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event, or sweep as the template's schedule asks for."""
    _patience().begin(context)
    if event.get("do") == "sweep":
        _log().begin(getattr(context, "aws_request_id", ""))
        return {"ended": _sweep().run()}
    _log().begin(event["requestContext"].get("requestId", ""))
    return _app().resolve(dict(event), context)
