"""Delivers events to accounts' webhooks, at least once: what a receiver does not take comes again, later each time.

The queue holds what waits: a failed message stays there and is hidden for the next delay, so nothing of ours has to be
running, and after the last one the queue's redrive policy puts it among the dead letters. Id and body of a message are
the same at every attempt; timestamp and signatures are of the attempt. Order is not kept, times are in the messages.

There are two queues, each with a function of its own (`functions.webhooks.lanes`). A message that goes over to the slow
one, or is put off there, is sent anew with the number of its attempts so far, and what was received of it is done.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from functions.domain.pace import QUICK_SECONDS, SLOW_SECONDS, Pace
from functions.domain.stores import DeliveryStore, StoreUnavailableError
from functions.domain.webhook import Message, Outcome, Webhook, message_of, signed
from functions.edge.observability import Log
from functions.webhooks.lanes import AT_ONCE, MAX_PUT_OFF, Shares, put_off
from functions.webhooks.pinned_post import UndeliveredError
from functions.webhooks.posting import Poster, TooSlowError

DELAYS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds after each failed attempt, as the specification proposes: eight attempts within 27 hours."""
GIVEN_UP = 0
"""After the last one: the queue sees at once that it is to be put among the dead letters."""
MAX_DELAY_SECONDS = 900
"""SQS delays no message for longer."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An event as it came from the queue, to be delivered."""

    id: str
    """By which the queue is told that it must come again."""
    receipt: str
    """By which the queue is told when it must come again."""
    attempt: int
    """How often it was received, this time included, and tried before it came into this queue."""
    body: str
    """EventBridge's event, as JSON."""
    put_off: int = 0
    """How often it was put off for want of a permit."""


class MessageQueues(Protocol):
    """Where messages wait for their next attempt."""

    def postpone(self, receipt: str, seconds: int) -> None:
        """Hide a received message for so long."""
        ...

    def hand_over(self, queued: QueuedMessage, attempts: int, times: int, seconds: int) -> bool:
        """Have the slow lane see *queued* in so many *seconds*, after so many *attempts*, put off so many *times*; False if not."""
        ...


@dataclass(frozen=True, slots=True)
class _DueMessage:
    """A message whose receiver is known."""

    queued: QueuedMessage
    message: Message
    """What its receiver gets."""
    webhook: Webhook
    """Where its account has it sent."""


@dataclass(frozen=True, slots=True)
class _PutOff:
    """What became of a message that was not tried, or not to its end: the slow lane has it next."""

    seconds: float = 0
    """In how many seconds."""
    times: int = 0
    """How often it was put off for want of a permit, this time included."""


class Deliveries:
    """Delivers batches of one of the queues: of the slow lane's where *slow*, of the only one there is where that is None.

    *master* reads the master secret, given the time; *delays* are the seconds after each failed attempt.
    """

    def __init__(
        self,
        store: DeliveryStore,
        master: Callable[[float], bytes],
        poster: Poster,
        queues: MessageQueues,
        clock: Callable[[], float],
        log: Log,
        delays: Sequence[int] = DELAYS,
        *,
        slow: bool | None = None,
    ) -> None:
        self._store = store
        self._master = master
        self._poster = poster
        self._queues = queues
        self._clock = clock
        self._log = log
        self._delays = delays
        self._slow = slow
        self._shares = Shares()

    async def deliver(self, batch: Sequence[QueuedMessage]) -> list[str]:
        """Deliver *batch*; the ids of the messages that must come again."""
        failed: list[str] = []
        due: list[_DueMessage] = []
        for queued in batch:
            found = self._due(queued)
            if isinstance(found, _DueMessage):
                due.append(found)
            elif not found:
                failed.append(queued.id)
        if self._slow is None:
            outcomes = await asyncio.gather(*(self._attempt(one) for one in due))
        elif self._slow:
            outcomes = await asyncio.gather(*(self._in_slow_lane(one) for one in due))
        else:
            outcomes = await self._in_quick_lane(due)
        for one, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, _PutOff):
                if not self._hand_over(one, outcome):
                    failed.append(one.queued.id)
                continue
            self._note(one, outcome)
            if outcome.error:
                failed.append(one.queued.id)
                self._postpone(one)
        return failed

    def _due(self, queued: QueuedMessage) -> _DueMessage | bool:
        """What to deliver; True where there is nothing to do, False where that cannot be said now."""
        try:
            message = message_of(json.loads(queued.body))
        except (ValueError, KeyError, TypeError) as error:
            # It will not become better, but it is evidence: it ends among the dead letters, whose alarm calls somebody.
            self._log.event("no event of ours", record=queued.id, problem=repr(error))
            return False
        try:
            webhook = self._store.read(message.account)
        except StoreUnavailableError:
            self._log.problem("cannot look for the webhook", account=message.account)
            return False
        return _DueMessage(queued, message, webhook) if webhook is not None and webhook.wants(message.kind) else True

    async def _in_quick_lane(self, due: Sequence[_DueMessage]) -> "list[Outcome | _PutOff]":
        """The quick lane: all of a batch within `QUICK_SECONDS`, and nobody beyond the share of this function that is his."""
        loop, now = asyncio.get_running_loop(), self._clock()
        began = loop.time()
        held: dict[str, float] = {}
        turns: Mapping[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

        async def attempt(one: _DueMessage) -> Outcome | _PutOff:
            account = one.webhook.account
            if one.webhook.pace.slow(now) or not self._shares.left(account, now):
                return _PutOff()
            async with turns[account]:
                left = QUICK_SECONDS - (loop.time() - began)
                said = await self._attempt(one, left) if left > 0 else _PutOff()
            held[account] = loop.time() - began
            return said

        outcomes = list(await asyncio.gather(*(attempt(one) for one in due)))
        self._shares.used(held, now)
        slow = {
            one.webhook.account: one.webhook
            for one, said in zip(due, outcomes, strict=True)
            if isinstance(said, _PutOff) and held.get(one.webhook.account, 0) >= QUICK_SECONDS
        }
        for webhook in slow.values():
            self._keep(webhook, partial(self._store.slow_down, webhook, Pace(now + SLOW_SECONDS)))
        return outcomes

    async def _in_slow_lane(self, due: _DueMessage) -> "Outcome | _PutOff":
        """The slow lane: the receiver's full time, for as many attempts as it may have at a time."""
        now, pace = self._clock(), due.webhook.pace
        if due.queued.attempt > len(self._delays) + 1:
            return Outcome(now, due.message.kind, "It was not taken in eight attempts.")
        if now < pace.rests_until:
            return self._put_off(due, pace.rests_until - now)
        try:
            permit = self._store.permit(due.webhook, now)
        except StoreUnavailableError:
            permit = None
        if permit is None:
            return self._put_off(due, put_off(due.queued.put_off))
        loop = asyncio.get_running_loop()
        began, timeout = loop.time(), False
        try:
            await self._post(due, None)
            error = ""
        except UndeliveredError as undelivered:
            error, timeout = str(undelivered), isinstance(undelivered, TooSlowError)
        done = pace.after(timeout=timeout, seconds=loop.time() - began, now=self._clock())
        self._keep(due.webhook, partial(self._store.give_back, due.webhook, permit, done))
        return Outcome(now, due.message.kind, error)

    def _put_off(self, due: _DueMessage, seconds: float) -> "Outcome | _PutOff":
        """It has no turn now: later, or too often by now, which is as good as not taken."""
        if due.queued.put_off < MAX_PUT_OFF:
            return _PutOff(seconds, due.queued.put_off + 1)
        return Outcome(self._clock(), due.message.kind, "It waits for its turn: the receiver does not answer in time.")

    def _keep(self, webhook: Webhook, write: Callable[[], None]) -> None:
        """What is not kept is found out again, by a permit that lapses or another attempt that is slow."""
        try:
            write()
        except StoreUnavailableError:
            self._log.problem("how a receiver does was not noted", account=webhook.account)

    async def _attempt(self, due: _DueMessage, seconds: float | None = None) -> "Outcome | _PutOff":
        now, error = self._clock(), ""
        try:
            await self._post(due, seconds)
        except UndeliveredError as undelivered:
            if seconds is not None and isinstance(undelivered, TooSlowError):
                return _PutOff()
            error = str(undelivered)
        return Outcome(now, due.message.kind, error)

    async def _post(self, due: _DueMessage, seconds: float | None) -> None:
        now = self._clock()
        headers = signed(due.message, due.webhook.secrets(self._master(now), now), now)
        await self._poster.post(due.webhook.url, headers, due.message.body, seconds)

    def _hand_over(self, due: _DueMessage, later: _PutOff) -> bool:
        self._log.event(
            "webhook put off", account=due.webhook.account, webhook_id=due.message.id, seconds=round(later.seconds)
        )
        self._log.count("WebhookPutOff")
        seconds = min(max(0, round(later.seconds)), MAX_DELAY_SECONDS)
        return self._queues.hand_over(due.queued, due.queued.attempt - 1, later.times, seconds)

    def _note(self, due: _DueMessage, outcome: Outcome) -> None:
        facts = {"account": due.webhook.account, "webhook_id": due.message.id, "attempt": due.queued.attempt}
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

    def _postpone(self, due: _DueMessage) -> None:
        attempt = due.queued.attempt
        delay = self._delays[attempt - 1] if attempt <= len(self._delays) else GIVEN_UP
        self._queues.postpone(due.queued.receipt, delay)
