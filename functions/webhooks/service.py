"""Delivers events to accounts' webhooks, at least once: what a receiver does not take comes again, later each time.

The queue holds what waits: a failed message stays there and is hidden for the next delay, so nothing of ours has to be
running, and after the last one the queue's redrive policy puts it among the dead letters. Id and body of a message are
the same at every attempt; timestamp and signatures are of the attempt. Order is not kept, times are in the messages.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.observability import Log
from functions.storage.dynamo import StoreUnavailableError
from functions.webhook import Message, Outcome, Webhook, message_of, signed
from functions.webhooks.posting import Poster, UndeliveredError

DELAYS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds after each failed attempt, as the specification proposes: eight attempts within 27 hours."""
GIVEN_UP = 0
"""After the last one: the queue sees at once that it is to be put among the dead letters."""


class Store(Protocol):
    """Where webhooks are."""

    def read(self, account: str) -> Webhook | None:
        """The webhook of *account*."""
        ...

    def note(self, webhook: Webhook, outcome: Outcome) -> None:
        """Keep how the last delivery went."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message of the queue."""

    id: str
    receipt: str
    attempt: int
    """How often it was received, this time included."""
    body: str


@dataclass(frozen=True, slots=True)
class _Due:
    """A message whose receiver is known."""

    waiting: Waiting
    message: Message
    webhook: Webhook


class Deliveries:
    """Delivers batches of the queue."""

    def __init__(
        self,
        store: Store,
        master: Callable[[float], bytes],
        poster: Poster,
        postpone: Callable[[str, int], None],
        clock: Callable[[], float],
        log: Log,
        delays: Sequence[int] = DELAYS,
    ) -> None:
        self._store = store
        self._master = master
        self._poster = poster
        self._postpone = postpone
        self._clock = clock
        self._log = log
        self._delays = delays

    async def deliver(self, batch: Sequence[Waiting]) -> list[str]:
        """Deliver *batch*; the ids of the messages that must come again."""
        failed: list[str] = []
        due: list[_Due] = []
        for waiting in batch:
            found = self._due(waiting)
            if isinstance(found, _Due):
                due.append(found)
            elif not found:
                failed.append(waiting.id)
        outcomes = await asyncio.gather(*(self._attempt(one) for one in due))
        for one, outcome in zip(due, outcomes, strict=True):
            self._note(one, outcome)
            if outcome.error:
                failed.append(one.waiting.id)
                self._later(one)
        return failed

    def _due(self, waiting: Waiting) -> _Due | bool:
        """What to deliver; True where there is nothing to do, False where that cannot be said now."""
        try:
            message = message_of(json.loads(waiting.body))
        except (ValueError, KeyError, TypeError) as error:
            # It will not become better, but it is evidence: it ends among the dead letters, whose alarm calls somebody.
            self._log.event("no event of ours", record=waiting.id, problem=repr(error))
            return False
        try:
            webhook = self._store.read(message.account)
        except StoreUnavailableError:
            self._log.problem("cannot look for the webhook", account=message.account)
            return False
        return _Due(waiting, message, webhook) if webhook is not None and webhook.wants(message.kind) else True

    async def _attempt(self, due: _Due) -> Outcome:
        now = self._clock()
        headers = signed(due.message, due.webhook.secrets(self._master(now), now), now)
        error = ""
        try:
            await self._poster.post(due.webhook.url, headers, due.message.body)
        except UndeliveredError as undelivered:
            error = str(undelivered)
        return Outcome(now, due.message.kind, error)

    def _note(self, due: _Due, outcome: Outcome) -> None:
        facts = {"account": due.webhook.account, "webhook_id": due.message.id, "attempt": due.waiting.attempt}
        if outcome.error:
            self._log.event("webhook not delivered", **facts, reason=outcome.error)
        else:
            self._log.event("webhook delivered", **facts)
        self._log.count("WebhookFailed" if outcome.error else "WebhookDelivered")
        if outcome.worth_writing(due.webhook.last):
            try:
                self._store.note(due.webhook, outcome)
            except StoreUnavailableError:
                self._log.problem("the outcome was not noted", account=due.webhook.account)

    def _later(self, due: _Due) -> None:
        attempt = due.waiting.attempt
        delay = self._delays[attempt - 1] if attempt <= len(self._delays) else GIVEN_UP
        self._postpone(due.waiting.receipt, delay)
