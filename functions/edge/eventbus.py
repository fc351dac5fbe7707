"""Puts events on EventBridge in batches of ten, with best effort: no request fails because of it.

A bus that is not named, not there or not answering loses events and nothing else; the log and a metric say so. Events are
for reacting soon. Who needs every byte or every session asks the API.
"""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.domain.events import AccountEvent, bus_entry
from functions.edge.observability import Log

BATCH = 10
"""What one PutEvents takes."""

Put = Callable[[Sequence[AccountEvent]], None]


def no_client() -> Any:
    """Stands for a client where there is no bus."""
    raise LookupError("there is no EventBridge client here")


class EventBus:
    """One bus. *client* makes the client at the first event: most invocations have none."""

    def __init__(self, client: Callable[[], Any], bus: str, stack: str, log: Log) -> None:
        self._make = client
        self._client: Any = None
        self._bus = bus
        self._stack = stack
        self._log = log

    def put(self, events: Sequence[AccountEvent]) -> bool:
        """Send *events*, or count them as lost; whether all of them were taken."""
        if not self._bus:
            return False
        lost_in_all = 0
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            lost = self._send(batch)
            if lost:
                self._log.count("EventsLost", lost)
            lost_in_all += lost
        return not lost_in_all

    def _send(self, batch: Sequence[AccountEvent]) -> int:
        try:
            if self._client is None:
                self._client = self._make()
            answer = self._client.put_events(Entries=[bus_entry(event, self._bus, self._stack) for event in batch])
        except (ClientError, BotoCoreError) as error:
            self._log.event("events not sent", reason=str(error))
            return len(batch)
        return int(answer.get("FailedEntryCount", 0))
