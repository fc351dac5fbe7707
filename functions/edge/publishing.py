"""Puts together what admission of a publisher works with: the stores, the node choice, and a record of refusals.

Once for all functions that let somebody publish. A refusal of a known key is kept for the key's owner, and told of as an
event, as rarely as it is kept; the encoder itself throws a refusal's body away.
"""

import secrets
from collections.abc import Callable
from random import randrange
from typing import Any

from functions.domain.accounts import Key, RefusedPublish
from functions.domain.addresses import shortened
from functions.domain.events import publish_refused
from functions.domain.placement import Choose
from functions.domain.publishing import Publish, PublishDependencies
from functions.edge.eventbus import EventBus
from functions.edge.observability import Log
from functions.edge.settings import FunctionSettings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.refusals import RefusalLog
from functions.storage.rosters import Rosters
from shared.refusals import Refused


def publish_dependencies(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    events: Callable[[], Any],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    choose: Choose = randrange,
) -> PublishDependencies:
    """What `functions.domain.publishing.admit` needs, over DynamoDB; *events* makes EventBridge's client when it is needed."""
    bus = EventBus(events, settings.event_bus, settings.stack, log)
    return PublishDependencies(
        directory=Directory(dynamo, settings.accounts_table, settings.fleet_table),
        rosters=Rosters(dynamo, settings.accounts_table),
        nodes=Nodes(dynamo, settings.fleet_table),
        region=settings.region,
        clock=clock,
        sleep=sleep,
        random=secrets.token_bytes,
        choose=choose,
        record=refusal_recorder(RefusalLog(dynamo, settings.accounts_table), bus),
    )


def refusal_recorder(log: RefusalLog, bus: EventBus) -> Callable[[Key, Publish, Refused, float], None]:
    """Keeps a refusal of a known key, and tells of those that were kept."""

    def record(key: Key, request: Publish, refused: Refused, now: float) -> None:
        address = shortened(request.address)
        if log.note(key.account, RefusedPublish(key.stream, now, refused.code.value, request.protocol, address)):
            bus.put([publish_refused(key.account, key.stream, refused.code.value, request.protocol)])

    return record
