"""`/v1/account/…`: the API of an account's owner, who shows the account token."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import randrange
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from functions.account.dry_run import DryRun
from functions.account.keys import OwnedKeys
from functions.account.models.dry_run import DryRunRequest
from functions.account.models.keys import CreateKeyRequest, RotateKeyRequest, RotateTokenRequest
from functions.account.models.webhook import RotateWebhookRequest, SetWebhookRequest
from functions.account.service import AccountService
from functions.account.token import OwnedTokens
from functions.account.usage import UsageService
from functions.account.webhook import OwnedWebhook
from functions.domain.accounts import Account
from functions.domain.destinations import Reach
from functions.domain.webhook import master_of
from functions.edge import answers
from functions.edge.eventbus import EventBus, no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import LambdaLog
from functions.edge.parameters import CachedParameter
from functions.edge.routes import ApiRoute, RoutedRequest, RouteOutcome, register, with_body
from functions.edge.settings import FunctionSettings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.throttle import Throttle
from functions.storage.usage import UsageLedger
from functions.storage.webhooks import Webhooks
from shared.refusals import Refused

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    from functions.edge.aws import ParameterStore

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OwnerOperations:
    """What an owner can do, by what it is done to."""

    account: AccountService
    keys: OwnedKeys
    tokens: OwnedTokens
    dry_run: DryRun
    usage: UsageService
    webhook: OwnedWebhook


def routes(owner: OwnerOperations, clock: Callable[[], float]) -> tuple[ApiRoute, ...]:
    """Every route, each for the owner whom the token of the request names."""

    def owned(act: Callable[[Account, RoutedRequest], RouteOutcome]) -> Callable[[RoutedRequest], RouteOutcome]:
        def take(request: RoutedRequest) -> RouteOutcome:
            account = owner.account.authenticate(request.authorization, clock())
            return account if isinstance(account, Refused) else act(account, request)

        return take

    def asked(
        kind: type[M], act: Callable[[Account, RoutedRequest, M], RouteOutcome]
    ) -> Callable[[RoutedRequest], RouteOutcome]:
        # Who asks comes before what is asked: a stranger learns nothing of the form of a request.
        return owned(lambda account, request: with_body(kind, partial(act, account))(request))

    key = "/v1/account/keys/<stream>"
    webhook = "/v1/account/webhook"
    return (
        ApiRoute("GET", "/v1/account", owned(lambda account, _: owner.account.account(account, clock()))),
        ApiRoute(
            "POST",
            "/v1/account/token",
            asked(
                RotateTokenRequest,
                lambda account, request, wish: owner.tokens.rotate(account, request.authorization, wish, clock()),
            ),
            201,
        ),
        ApiRoute("GET", "/v1/account/keys", owned(lambda account, _: owner.account.keys(account, clock()))),
        ApiRoute(
            "POST",
            "/v1/account/keys",
            asked(
                CreateKeyRequest, lambda account, request, wish: owner.keys.create(account, wish, request.base, clock())
            ),
            201,
        ),
        ApiRoute(
            "POST",
            f"{key}/rotate",
            asked(
                RotateKeyRequest,
                lambda account, request, wish: owner.keys.rotate(
                    account, request.path["stream"], wish, request.base, clock()
                ),
            ),
            201,
        ),
        ApiRoute(
            "DELETE",
            key,
            owned(
                lambda account, request: owner.keys.revoke(
                    account, request.path["stream"], request.query.get("at"), clock()
                )
            ),
        ),
        ApiRoute(
            "GET",
            "/v1/account/usage",
            owned(lambda account, request: owner.usage.month(account, request.query.get("month"), clock())),
        ),
        ApiRoute(
            "POST",
            "/v1/account/dry-run",
            asked(DryRunRequest, lambda account, _, wish: owner.dry_run.answer(account, wish, clock())),
        ),
        ApiRoute("GET", "/v1/account/refusals", owned(lambda account, _: owner.account.refusals(account, clock()))),
        ApiRoute("GET", webhook, owned(lambda account, _: owner.webhook.show(account, clock()))),
        ApiRoute(
            "PUT", webhook, asked(SetWebhookRequest, lambda account, _, wish: owner.webhook.put(account, wish, clock()))
        ),
        ApiRoute("DELETE", webhook, owned(lambda account, _: owner.webhook.delete(account))),
        ApiRoute(
            "POST",
            f"{webhook}/rotate",
            asked(RotateWebhookRequest, lambda account, _, wish: owner.webhook.rotate(account, wish, clock())),
            201,
        ),
        ApiRoute("POST", f"{webhook}/test", owned(lambda account, _: owner.webhook.test(account, clock())), 202),
    )


def build(
    settings: FunctionSettings,
    log: LambdaLog,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
    events: Callable[[], Any] = no_client,
) -> "APIGatewayHttpResolver":
    """The function over these stores and clients, as a router of payload-2.0 events."""
    table = settings.accounts_table
    directory = Directory(dynamo, table, settings.fleet_table)
    service = AccountService(Registry(dynamo, table), UsageLedger(dynamo, table), directory, RefusalLog(dynamo, table))
    throttle = Throttle(dynamo, settings.fleet_table)
    owned = OwnedKeys(
        Registry(dynamo, table), Nodes(dynamo, settings.fleet_table), throttle, directory.fleet, secrets.token_bytes
    )
    dry = DryRun(Registry(dynamo, table), directory, settings.region, secrets.token_bytes, randrange)
    usage = UsageService(UsageLedger(dynamo, table), Registry(dynamo, table))
    webhook = OwnedWebhook(
        Webhooks(dynamo, table),
        throttle,
        CachedParameter(ssm, settings.webhook_parameter, master_of).value,
        EventBus(events, settings.event_bus, settings.stack, log).put,
        Reach(settings.webhook_reach),
        secrets.token_bytes,
    )
    tokens = OwnedTokens(Registry(dynamo, table), secrets.token_bytes)
    app = answers.resolver(log.logger)
    register(app, routes(OwnerOperations(service, owned, tokens, dry, usage, webhook), clock))
    return app


def _built(given: Resources) -> "APIGatewayHttpResolver":
    return build(given.settings, given.log, given.dynamo, given.aws.ssm(), events=given.aws.events)


_environment = ExecutionEnvironment("account", _built)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    return _environment.begin(event, context).resolve(event, context)
