"""`POST /v1/hooks/mediamtx?node=…`: MediaMTX's `authHTTPAddress`.

MediaMTX lets in on 200 and nobody else. It asks a client for credentials only on 401, and tells it nothing of the answer
but that; so a refusal is 401 whatever its code says, and its body, the documented one, is for MediaMTX's log.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from random import randrange
from typing import Any

from functions.domain.invalid_keys import Strangers
from functions.domain.names import wrong_name
from functions.domain.publishing import Ports
from functions.domain.watching import Watching
from functions.edge.decisions import verdict
from functions.edge.eventbus import EventBus, no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import Log
from functions.edge.refusal_recording import noting
from functions.edge.settings import Settings
from functions.edge.web import Answer, Request, as_json, refusal, request_of
from functions.hooks.mediamtx import read
from functions.hooks.service import Hook
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.refusals import RefusalLog
from functions.storage.rosters import Rosters
from functions.storage.throttle import Throttle
from shared.names import is_name
from shared.rate import Rate
from shared.refusals import Code, Refused

PLAIN = frozenset({Code.INVALID_REQUEST, Code.UNAVAILABLE})
"""Codes that are not about the client, and keep their status."""


def answer(hook: Hook, request: Request, log: Log) -> Answer:
    """The answer to one question."""
    asked, node = read(request.body), request.query.get("node", "")
    if not is_name(node):
        asked = wrong_name("node")
    said = verdict(
        lambda: asked if isinstance(asked, Refused) else hook.decide(asked, node, request.address),
        log,
        route=request.route,
    )
    if not isinstance(said, Refused):
        return as_json(200, said).to(request)
    told = refusal(said).to(request)
    return told if said.code in PLAIN else Answer(401, told.headers, told.body)


def build(
    settings: Settings,
    log: Log,
    dynamo: Dynamo,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    events: Callable[[], Any] = no_client,
) -> Hook:
    """The composition root."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    ports = Ports(
        directory=directory,
        rosters=Rosters(dynamo, settings.accounts_table),
        nodes=Nodes(dynamo, settings.fleet_table),
        region=settings.region,
        clock=clock,
        sleep=sleep,
        random=secrets.token_bytes,
        choose=randrange,
        note=noting(
            RefusalLog(dynamo, settings.accounts_table), EventBus(events, settings.event_bus, settings.stack, log)
        ),
    )
    strangers = Strangers(Throttle(dynamo, settings.fleet_table), Rate.parse(settings.invalid_key_rate), clock)
    return Hook(ports, Watching(directory, clock, settings.region, randrange), strangers, log)


def _built(given: Resources) -> Hook:
    return build(given.settings, given.log, given.dynamo, events=given.aws.events)


_environment = ExecutionEnvironment("hooks", _built)


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one payload-2.0 event of API Gateway."""
    hook = _environment.begin(event, context)
    return answer(hook, request_of(event), _environment.log).event()
