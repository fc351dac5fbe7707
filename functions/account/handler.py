"""The owner's API: HTTP event -> service -> answer."""

import os
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from functions import answers, aws
from functions.account.service import AccountService
from functions.observability import LambdaLog
from functions.settings import Settings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.usage import UsageLedger
from shared.refusals import Refused

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from pydantic import BaseModel


def router(service: AccountService, log: LambdaLog, clock: Callable[[], float]) -> "APIGatewayHttpResolver":
    """The routes."""
    app = answers.resolver(log.logger)

    def authorization() -> str | None:
        return app.current_event.headers.get("authorization")

    def said(reply: "BaseModel | Refused") -> answers.Answer:
        return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply)

    @app.get("/v1/account")
    def account() -> answers.Answer:
        return said(service.account(authorization(), clock()))

    @app.get("/v1/account/keys")
    def keys() -> answers.Answer:
        return said(service.keys(authorization(), clock()))

    @app.get("/v1/account/refusals")
    def refusals() -> answers.Answer:
        return said(service.refusals(authorization(), clock()))

    return app


def build(
    settings: Settings, log: LambdaLog, dynamo: Dynamo, *, clock: Callable[[], float] = time.time
) -> "APIGatewayHttpResolver":
    """The composition root."""
    table = settings.accounts_table
    directory = Directory(dynamo, table, settings.fleet_table)
    service = AccountService(Registry(dynamo, table), UsageLedger(dynamo, table), directory, RefusalLog(dynamo, table))
    return router(service, log, clock)


@cache
def _log() -> LambdaLog:
    return LambdaLog("account")


@cache
def _app() -> "APIGatewayHttpResolver":
    return build(Settings.from_environment(os.environ), _log(), Dynamo(aws.Session().dynamodb()))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _log().begin(event["requestContext"].get("requestId", ""))
    return _app().resolve(event, context)
