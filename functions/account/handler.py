"""The account function: HTTP event -> service -> answer."""

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions import answers, aws
from functions.account.service import AccountService
from functions.settings import Settings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.owners import Owners
from shared.refusals import Refused

logger = Logger()
app = answers.resolver(logger)


def build(settings: Settings) -> AccountService:
    """The object graph of this function."""
    dynamo = Dynamo(aws.dynamodb())
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    return AccountService(Owners(dynamo, settings.accounts_table), directory)


@cache
def service() -> AccountService:
    """The service of this process, made at its first request."""
    return build(Settings.from_environment(os.environ))


@app.get("/v1/account")
def account() -> answers.Answer:
    """Limits, usage, live streams."""
    reply = service().account(_authorization(), time.time())
    return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply)


@app.get("/v1/account/keys")
def keys() -> answers.Answer:
    """Keys without their secrets."""
    reply = service().keys(_authorization(), time.time())
    return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply)


def _authorization() -> str | None:
    return app.current_event.headers.get("authorization")


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
