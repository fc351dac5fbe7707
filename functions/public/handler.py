"""What anybody may read, without a key or a token: the page, and what is known of streams, tiers and public keys."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.edge import answers
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import LambdaLog
from functions.edge.parameters import jwks_parameter
from functions.edge.routes import ApiRoute, register
from functions.edge.settings import FunctionSettings
from functions.public.assets import load
from functions.public.pages import page_routes
from functions.public.service import PublicService
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    from functions.edge.aws import ParameterStore

CACHED = {"Cache-Control": "public, max-age=300"}
"""Of answers that change with a deployment or a rotation of keys only."""


def data_routes(service: PublicService, clock: Callable[[], float]) -> tuple[ApiRoute, ...]:
    """The routes that programs read, of tiers, streams and public keys."""
    return (
        ApiRoute("GET", "/v1/tiers", lambda _: service.tiers(), headers=CACHED),
        ApiRoute("GET", "/v1/streams/<stream>", lambda request: service.stream(request.path["stream"], clock())),
        ApiRoute("GET", "/.well-known/jwks.json", lambda _: service.jwks(clock()), headers=CACHED),
    )


def build(
    settings: FunctionSettings,
    log: LambdaLog,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
) -> "APIGatewayHttpResolver":
    """The function over these tables and parameters, as a router of payload-2.0 events."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    jwks = jwks_parameter(ssm, settings.jwks_parameter)
    app = answers.resolver(log.logger)
    page_routes(app, load())
    register(app, data_routes(PublicService(directory, jwks.value), clock))
    return app


def _built(given: Resources) -> "APIGatewayHttpResolver":
    return build(given.settings, given.log, given.dynamo, given.aws.ssm())


_environment = ExecutionEnvironment("public", _built)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    return _environment.begin(event, context).resolve(event, context)
