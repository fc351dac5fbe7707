"""`/v1/admin/…`: the API of the operators of a stack, who are let in by IAM."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions.admin.accounts import AccountOperations, AccountStores
from functions.admin.fleet import FleetOperations
from functions.admin.models import AccountChange, NewAccountRequest, NewKeyRequest
from functions.admin.sessions import AccountSessions
from functions.edge import answers
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import LambdaLog
from functions.edge.routes import ApiRoute, register, with_body
from functions.edge.settings import FunctionSettings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.patience import Left, unhurried
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.rosters import Rosters
from functions.storage.streams import Streams
from functions.storage.usage import UsageLedger


@dataclass(frozen=True, slots=True)
class Operator:
    """What operators can do, to accounts and to the fleet."""

    accounts: AccountOperations
    fleet: FleetOperations


def routes(operator: Operator) -> tuple[ApiRoute, ...]:
    """Every route; IAM has let the caller in before any of them is asked."""
    account, node = "/v1/admin/accounts/<account>", "/v1/admin/nodes/<node>"
    return (
        ApiRoute("GET", "/v1/admin/accounts", lambda request: operator.accounts.accounts(request.query.get("after"))),
        ApiRoute(
            "POST",
            "/v1/admin/accounts",
            with_body(NewAccountRequest, lambda _, wish: operator.accounts.create_account(wish)),
            201,
        ),
        ApiRoute("GET", account, lambda request: operator.accounts.account(request.path["account"])),
        ApiRoute(
            "PATCH",
            account,
            with_body(
                AccountChange, lambda request, change: operator.accounts.change_account(request.path["account"], change)
            ),
        ),
        ApiRoute("DELETE", account, lambda request: operator.accounts.delete_account(request.path["account"])),
        ApiRoute(
            "GET",
            f"{account}/usage",
            lambda request: operator.accounts.usage(request.path["account"], request.query.get("month")),
        ),
        ApiRoute("GET", f"{account}/keys", lambda request: operator.accounts.keys(request.path["account"])),
        ApiRoute(
            "POST",
            f"{account}/keys",
            with_body(NewKeyRequest, lambda request, wish: operator.accounts.create_key(request.path["account"], wish)),
            201,
        ),
        ApiRoute(
            "DELETE",
            f"{account}/keys/<stream>",
            lambda request: operator.accounts.revoke_key(request.path["account"], request.path["stream"]),
        ),
        ApiRoute("GET", f"{account}/refusals", lambda request: operator.accounts.refusals(request.path["account"])),
        ApiRoute("GET", "/v1/admin/nodes", lambda _: operator.fleet.nodes()),
        ApiRoute("POST", f"{node}/drain", lambda request: operator.fleet.drain(request.path["node"], drained=True)),
        ApiRoute("POST", f"{node}/undrain", lambda request: operator.fleet.drain(request.path["node"], drained=False)),
        ApiRoute("GET", "/v1/admin/sessions", lambda _: operator.fleet.sessions()),
        ApiRoute(
            "DELETE",
            "/v1/admin/sessions/<session>",
            lambda request: operator.fleet.end_session(request.path["session"]),
        ),
    )


def router(operator: Operator, log: LambdaLog) -> APIGatewayHttpResolver:
    """A router of the operator's routes."""
    app = answers.resolver(log.logger)
    register(app, routes(operator))
    return app


def operator_over(
    dynamo: Dynamo, settings: FunctionSettings, *, clock: Callable[[], float] = time.time, left: Left = unhurried
) -> Operator:
    """What operators can do over these tables; *left* says how many seconds there are for an answer."""
    accounts, fleet = settings.accounts_table, settings.fleet_table
    directory, nodes = Directory(dynamo, accounts, fleet), Nodes(dynamo, fleet)
    stores = AccountStores(
        Registry(dynamo, accounts),
        UsageLedger(dynamo, accounts),
        directory,
        Streams(dynamo, accounts),
        RefusalLog(dynamo, accounts),
    )
    sessions = AccountSessions(directory, nodes, Rosters(dynamo, accounts), clock)
    operations = FleetOperations(directory, nodes, clock)
    return Operator(AccountOperations(stores, sessions, operations, clock, secrets.token_bytes, left), operations)


def _built(given: Resources) -> APIGatewayHttpResolver:
    return router(operator_over(given.dynamo, given.settings, left=given.left), given.log)


_environment = ExecutionEnvironment("admin", _built)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    return _environment.begin(event, context).resolve(dict(event), context)
