"""Admission over HTTP: an offer comes in, a redirect to a node with a grant goes out; or the refusal.

No import that an answer does not need: this function's cold start is what a first viewer waits for.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import randrange
from typing import TYPE_CHECKING, Any

from functions.admission.anonymous_keys import AnonymousKeys
from functions.admission.grants import GrantSigner
from functions.admission.routes import Admission
from functions.domain.invalid_keys import InvalidKeyLimit
from functions.domain.placement import Choose
from functions.domain.watching import Watching
from functions.edge.client_rate import ClientRateLimit
from functions.edge.eventbus import no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import Log
from functions.edge.parameters import signing_parameter
from functions.edge.publishing import publish_dependencies
from functions.edge.settings import FunctionSettings
from functions.edge.web import request_of
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.registry import Registry
from functions.storage.throttle import Throttle
from shared.rate import Rate

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore


def build(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    choose: Choose = randrange,
    events: Callable[[], Any] = no_client,
) -> Admission:
    """Admission over these tables and parameters; *sleep* and *choose* are what tests replace."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    signer = GrantSigner(signing_parameter(ssm, settings.signer_parameter), clock, secrets.token_bytes)
    dependencies = publish_dependencies(settings, log, dynamo, events, clock=clock, sleep=sleep, choose=choose)
    throttle = Throttle(dynamo, settings.fleet_table)
    return Admission(
        replace(dependencies, ready=signer.ready),
        Watching(directory, clock, settings.region, choose),
        signer,
        AnonymousKeys(
            Registry(dynamo, settings.accounts_table),
            throttle,
            Rate.parse(settings.anonymous_rate),
            clock,
            secrets.token_bytes,
        ),
        InvalidKeyLimit(throttle, Rate.parse(settings.invalid_key_rate), clock),
        ClientRateLimit(Rate.parse(settings.watch_rate)),
        log,
    )


def _built(given: Resources) -> Admission:
    return build(given.settings, given.log, given.dynamo, given.aws.ssm(), events=given.aws.events)


_environment = ExecutionEnvironment("admission", _built)


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    return _environment.begin(event, context).answer(request_of(event)).event()
