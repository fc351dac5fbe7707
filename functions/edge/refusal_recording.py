"""Refusals of known keys: kept for the key's owner, and told of as events, as rarely as they are kept."""

from collections.abc import Callable

from functions.domain.accounts import Key, Noted
from functions.domain.addresses import shortened
from functions.domain.events import refused as publish_refused
from functions.domain.publishing import Publish
from functions.edge.eventbus import EventBus
from functions.storage.refusals import RefusalLog
from shared.refusals import Refused


def noting(log: RefusalLog, bus: EventBus) -> Callable[[Key, Publish, Refused, float], None]:
    """What `functions.domain.publishing.Ports.note` is given: keeps a refusal, and tells of those that were kept."""

    def note(key: Key, request: Publish, refused: Refused, now: float) -> None:
        address = shortened(request.address)
        if log.note(key.account, Noted(key.stream, now, refused.code.value, request.protocol, address)):
            bus.put([publish_refused(key.account, key.stream, refused.code.value, request.protocol)])

    return note
