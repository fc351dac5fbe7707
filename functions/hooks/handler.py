"""`POST /v1/hooks/mediamtx?node=…`: MediaMTX's `authHTTPAddress`.

MediaMTX lets in on 200 and nobody else. It asks a client for credentials only on 401, and tells it nothing of the answer
but that; so a refusal is 401 whatever its code says, and its body, the documented one, is for MediaMTX's log.
"""

import time
from collections.abc import Callable, Mapping
from random import randrange
from typing import Any

from functions.domain.invalid_keys import InvalidKeyLimit
from functions.domain.names import wrong_name
from functions.domain.watching import Watching
from functions.edge.decisions import logged_decision
from functions.edge.eventbus import no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import Log
from functions.edge.publishing import publish_dependencies
from functions.edge.settings import FunctionSettings
from functions.edge.web import ApiAnswer, ApiRequest, as_json, refusal, request_of
from functions.hooks.mediamtx import read_auth_request
from functions.hooks.service import MediaMtxAdmission
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.throttle import Throttle
from shared.names import is_name
from shared.rate import Rate
from shared.refusals import Code, Refused

OWN_STATUS = frozenset({Code.INVALID_REQUEST, Code.UNAVAILABLE})
"""Codes that are not about the client: they keep their own status."""


def answer(admission: MediaMtxAdmission, request: ApiRequest, log: Log) -> ApiAnswer:
    """The answer to one question of MediaMTX's, as the module's head says."""
    question, node = read_auth_request(request.body), request.query.get("node", "")
    if not is_name(node):
        question = wrong_name("node")
    decision = logged_decision(
        lambda: question if isinstance(question, Refused) else admission.decide(question, node, request.address),
        log,
        route=request.route,
    )
    if not isinstance(decision, Refused):
        return as_json(200, decision).to(request)
    refused = refusal(decision).to(request)
    return refused if decision.code in OWN_STATUS else ApiAnswer(401, refused.headers, refused.body)


def build(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    events: Callable[[], Any] = no_client,
) -> MediaMtxAdmission:
    """The function over these tables and this event bus."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    dependencies = publish_dependencies(settings, log, dynamo, events, clock=clock, sleep=sleep)
    invalid_keys = InvalidKeyLimit(Throttle(dynamo, settings.fleet_table), Rate.parse(settings.invalid_key_rate), clock)
    return MediaMtxAdmission(dependencies, Watching(directory, clock, settings.region, randrange), invalid_keys, log)


def _built(given: Resources) -> MediaMtxAdmission:
    return build(given.settings, given.log, given.dynamo, events=given.aws.events)


_environment = ExecutionEnvironment("hooks", _built)


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    admission = _environment.begin(event, context)
    return answer(admission, request_of(event), _environment.log).event()
