"""The owner's API: HTTP event -> service -> answer."""

import os
import secrets
import time
from collections.abc import Callable
from functools import cache
from random import randrange
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from functions.account.dryrun import DryRun
from functions.account.keys import Keys
from functions.account.models import DryRunRequest, NewKey, Rotation, TokenRotation, WebhookRotation, WebhookWish
from functions.account.service import AccountService
from functions.account.token import Tokens
from functions.account.usage import UsageService
from functions.account.webhook import OwnWebhook
from functions.domain.destinations import Reach
from functions.domain.webhook import master_of
from functions.edge import answers, aws
from functions.edge.eventbus import EventBus, no_client
from functions.edge.observability import LambdaLog
from functions.edge.parameters import CachedParameter
from functions.edge.settings import Settings
from functions.edge.validation import parsed
from functions.edge.web import base_url
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.patience import Patience
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.throttle import Throttle
from functions.storage.usage import UsageLedger
from functions.storage.webhooks import Webhooks
from shared.refusals import Refused

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    from functions.domain.accounts import Account
    from functions.edge.aws import ParameterStore

M = TypeVar("M", bound=BaseModel)


def router(  # noqa: C901 - one branch-free function a route
    service: AccountService,
    owned: Keys,
    tokens: Tokens,
    dry: DryRun,
    usage: UsageService,
    webhook: OwnWebhook,
    log: LambdaLog,
    clock: Callable[[], float],
) -> "APIGatewayHttpResolver":
    """The routes."""
    app = answers.resolver(log.logger)

    def authorization() -> str | None:
        return app.current_event.headers.get("authorization")

    def said(reply: BaseModel | Refused, status: int = 200) -> answers.Answer:
        return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply, status=status)

    def asked(kind: type[M], act: "Callable[[Account, M], BaseModel | Refused]", status: int = 200) -> answers.Answer:
        # Who asks comes before what is asked: a stranger learns nothing of the form of a request.
        account = service.authenticate(authorization(), clock())
        if isinstance(account, Refused):
            return answers.refusal(account)
        body = parsed(kind, app.current_event.raw_event, empty="{}")
        return answers.refusal(body) if isinstance(body, Refused) else said(act(account, body), status)

    def owner(act: "Callable[[Account], BaseModel | Refused]", status: int = 200) -> answers.Answer:
        account = service.authenticate(authorization(), clock())
        return answers.refusal(account) if isinstance(account, Refused) else said(act(account), status)

    def base() -> str:
        return base_url(app.current_event.headers)

    @app.get("/v1/account")
    def account() -> answers.Answer:
        return said(service.account(authorization(), clock()))

    @app.post("/v1/account/token")
    def rotate_token() -> answers.Answer:
        presented = authorization()
        return asked(TokenRotation, lambda account, wish: tokens.rotate(account, presented, wish, clock()), 201)

    @app.get("/v1/account/keys")
    def keys() -> answers.Answer:
        return said(service.keys(authorization(), clock()))

    @app.post("/v1/account/keys")
    def create_key() -> answers.Answer:
        return asked(NewKey, lambda account, wish: owned.create(account, wish, base(), clock()), 201)

    @app.post("/v1/account/keys/<stream>/rotate")
    def rotate_key(stream: str) -> answers.Answer:
        return asked(Rotation, lambda account, wish: owned.rotate(account, stream, wish, base(), clock()), 201)

    @app.delete("/v1/account/keys/<stream>")
    def revoke_key(stream: str) -> answers.Answer:
        at = app.current_event.query_string_parameters.get("at")
        return owner(lambda account: owned.revoke(account, stream, at, clock()))

    @app.get("/v1/account/usage")
    def month_usage() -> answers.Answer:
        month = app.current_event.query_string_parameters.get("month")
        return owner(lambda account: usage.month(account, month, clock()))

    @app.post("/v1/account/dry-run")
    def dry_run() -> answers.Answer:
        return asked(DryRunRequest, lambda account, wish: dry.answer(account, wish, clock()))

    @app.get("/v1/account/refusals")
    def refusals() -> answers.Answer:
        return said(service.refusals(authorization(), clock()))

    @app.get("/v1/account/webhook")
    def show_webhook() -> answers.Answer:
        return owner(lambda account: webhook.show(account, clock()))

    @app.put("/v1/account/webhook")
    def put_webhook() -> answers.Answer:
        return asked(WebhookWish, lambda account, wish: webhook.put(account, wish, clock()))

    @app.delete("/v1/account/webhook")
    def delete_webhook() -> answers.Answer:
        return owner(webhook.delete)

    @app.post("/v1/account/webhook/rotate")
    def rotate_webhook() -> answers.Answer:
        return asked(WebhookRotation, lambda account, wish: webhook.rotate(account, wish, clock()), 201)

    @app.post("/v1/account/webhook/test")
    def test_webhook() -> answers.Answer:
        return owner(lambda account: webhook.test(account, clock()), 202)

    return app


def build(
    settings: Settings,
    log: LambdaLog,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> "APIGatewayHttpResolver":
    """The composition root."""
    table = settings.accounts_table
    directory = Directory(dynamo, table, settings.fleet_table)
    service = AccountService(Registry(dynamo, table), UsageLedger(dynamo, table), directory, RefusalLog(dynamo, table))
    throttle = Throttle(dynamo, settings.fleet_table)
    owned = Keys(
        Registry(dynamo, table), Nodes(dynamo, settings.fleet_table), throttle, directory.fleet, secrets.token_bytes
    )
    dry = DryRun(Registry(dynamo, table), directory, settings.region, secrets.token_bytes, randrange)
    usage = UsageService(UsageLedger(dynamo, table), Registry(dynamo, table))
    webhook = OwnWebhook(
        Webhooks(dynamo, table),
        throttle,
        CachedParameter(ssm, settings.webhook_parameter, master_of).value,
        EventBus(events, settings.event_bus, settings.stack, log).put,
        Reach(settings.webhook_reach),
        secrets.token_bytes,
    )
    tokens = Tokens(Registry(dynamo, table), secrets.token_bytes)
    return router(service, owned, tokens, dry, usage, webhook, log, clock)


@cache
def _patience() -> Patience:
    return Patience()


@cache
def _log() -> LambdaLog:
    return LambdaLog("account")


@cache
def _app() -> "APIGatewayHttpResolver":
    session = aws.Session()
    return build(
        Settings.from_environment(os.environ),
        _log(),
        Dynamo(session.dynamodb(), _patience()),
        session.ssm(),
        events=session.events,
    )


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _patience().begin(context)
    _log().begin(event["requestContext"].get("requestId", ""))
    return _app().resolve(event, context)
