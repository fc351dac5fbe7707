"""`/v1/admin/…`: the operator's API, IAM-authorised."""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel

from functions.admin.closing import Closing
from functions.admin.models import AccountChange, NewAccountRequest, NewKeyRequest
from functions.admin.service import Operator, OperatorStores
from functions.edge import answers, aws
from functions.edge.observability import LambdaLog
from functions.edge.settings import Settings
from functions.edge.validation import parsed
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.patience import Left, Patience, unhurried
from functions.storage.refusals import RefusalLog
from functions.storage.registry import Registry
from functions.storage.rosters import Rosters
from functions.storage.streams import Streams
from functions.storage.usage import UsageLedger
from shared.refusals import Refused

M = TypeVar("M", bound=BaseModel)


def router(operator: Operator, log: LambdaLog) -> APIGatewayHttpResolver:  # noqa: C901 - one branch-free function a route
    """The routes."""
    app = answers.resolver(log.logger)

    def said(reply: BaseModel | Refused, status: int = 200) -> answers.Answer:
        if isinstance(reply, Refused):
            return answers.refusal(reply)
        return answers.model(reply, status=status)

    def asked(kind: type[M], act: Callable[[M], BaseModel | Refused], status: int = 200) -> answers.Answer:
        body = parsed(kind, app.current_event.raw_event, empty="{}")
        return answers.refusal(body) if isinstance(body, Refused) else said(act(body), status)

    @app.get("/v1/admin/accounts")
    def accounts() -> answers.Answer:
        return said(operator.accounts(app.current_event.query_string_parameters.get("after")))

    @app.post("/v1/admin/accounts")
    def create_account() -> answers.Answer:
        return asked(NewAccountRequest, operator.create_account, 201)

    @app.get("/v1/admin/accounts/<account>")
    def account(account: str) -> answers.Answer:
        return said(operator.account(account))

    @app.patch("/v1/admin/accounts/<account>")
    def change_account(account: str) -> answers.Answer:
        return asked(AccountChange, lambda change: operator.change_account(account, change))

    @app.delete("/v1/admin/accounts/<account>")
    def delete_account(account: str) -> answers.Answer:
        return said(operator.delete_account(account))

    @app.get("/v1/admin/accounts/<account>/usage")
    def usage(account: str) -> answers.Answer:
        return said(operator.usage(account, app.current_event.query_string_parameters.get("month")))

    @app.get("/v1/admin/accounts/<account>/keys")
    def keys(account: str) -> answers.Answer:
        return said(operator.keys(account))

    @app.post("/v1/admin/accounts/<account>/keys")
    def create_key(account: str) -> answers.Answer:
        return asked(NewKeyRequest, lambda request: operator.create_key(account, request), 201)

    @app.delete("/v1/admin/accounts/<account>/keys/<stream>")
    def revoke_key(account: str, stream: str) -> answers.Answer:
        return said(operator.revoke_key(account, stream))

    @app.get("/v1/admin/accounts/<account>/refusals")
    def refusals(account: str) -> answers.Answer:
        return said(operator.refusals(account))

    @app.get("/v1/admin/nodes")
    def nodes() -> answers.Answer:
        return said(operator.nodes())

    @app.post("/v1/admin/nodes/<node>/drain")
    def drain(node: str) -> answers.Answer:
        return said(operator.drain(node, drained=True))

    @app.post("/v1/admin/nodes/<node>/undrain")
    def undrain(node: str) -> answers.Answer:
        return said(operator.drain(node, drained=False))

    @app.get("/v1/admin/sessions")
    def sessions() -> answers.Answer:
        return said(operator.sessions())

    @app.delete("/v1/admin/sessions/<session>")
    def end_session(session: str) -> answers.Answer:
        return said(operator.end_session(session))

    return app


def operator_over(
    dynamo: Dynamo, settings: Settings, *, clock: Callable[[], float] = time.time, left: Left = unhurried
) -> Operator:
    """The operator's object graph; the command line has the same one."""
    accounts, fleet = settings.accounts_table, settings.fleet_table
    directory, nodes = Directory(dynamo, accounts, fleet), Nodes(dynamo, fleet)
    return Operator(
        OperatorStores(
            Registry(dynamo, accounts),
            UsageLedger(dynamo, accounts),
            directory,
            nodes,
            Streams(dynamo, accounts),
            RefusalLog(dynamo, accounts),
        ),
        Closing(directory, nodes, Rosters(dynamo, accounts), clock),
        clock,
        secrets.token_bytes,
        left,
    )


@cache
def _patience() -> Patience:
    return Patience()


@cache
def _log() -> LambdaLog:
    return LambdaLog("admin")


@cache
def _app() -> APIGatewayHttpResolver:
    settings = Settings.from_environment(os.environ)
    return router(operator_over(Dynamo(aws.Session().dynamodb(), _patience()), settings, left=_patience().left), _log())


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _patience().begin(context)
    _log().begin(event["requestContext"].get("requestId", ""))
    return _app().resolve(dict(event), context)
