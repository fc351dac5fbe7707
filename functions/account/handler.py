"""The owner's API: HTTP event -> service -> answer."""

import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions import aws
from functions.account.service import AccountService
from functions.answers import Answer, reply, router
from functions.observability import LambdaLog, Log
from functions.settings import Settings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.registry import Registry
from functions.storage.usage import UsageLedger


class AccountApi:
    """The routes, and what they need."""

    def __init__(self, service: AccountService, log: Log, clock: Callable[[], float]) -> None:
        self._service = service
        self._clock = clock
        self.app: APIGatewayHttpResolver = router(log, {"/v1/account": self._account, "/v1/account/keys": self._keys})

    def _account(self) -> Answer:
        return reply(self._service.account(self._authorization(), self._clock()))

    def _keys(self) -> Answer:
        return reply(self._service.keys(self._authorization(), self._clock()))

    def _authorization(self) -> str | None:
        return self.app.current_event.headers.get("authorization")


def build(settings: Settings, log: Log, dynamo: Dynamo, *, clock: Callable[[], float] = time.time) -> AccountApi:
    """The composition root."""
    table = settings.accounts_table
    directory = Directory(dynamo, table, settings.fleet_table)
    return AccountApi(AccountService(Registry(dynamo, table), UsageLedger(dynamo, table), directory), log, clock)


@cache
def _log() -> LambdaLog:
    return LambdaLog("account")


@cache
def _api() -> AccountApi:
    return build(Settings.from_environment(os.environ), _log(), Dynamo(aws.dynamodb()))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _log().begin(event["requestContext"].get("requestId", ""))
    return _api().app.resolve(event, context)
