"""The consumer of the webhook queue, into which an EventBridge rule puts every event of ours."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.domain.destinations import Reach
from functions.domain.webhook import master_of
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import Log
from functions.edge.parameters import CachedParameter, ParameterUnavailableError
from functions.edge.settings import FunctionSettings
from functions.storage.dynamo import Dynamo
from functions.storage.webhooks import Webhooks
from functions.webhooks.posting import Poster
from functions.webhooks.service import DELAYS, Deliveries, QueuedMessage

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore


def consume(event: Mapping[str, Any], deliveries: Deliveries, log: Log) -> dict[str, Any]:
    """Deliver one batch; the answer names the records that must come again."""
    batch = [
        QueuedMessage(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]) + _number(record, "attempts"),
            record["body"],
            _number(record, "put_off"),
        )
        for record in event["Records"]
    ]
    try:
        failed = asyncio.run(deliveries.deliver(batch))
    except ParameterUnavailableError:
        log.problem("cannot sign")
        failed = [queued.id for queued in batch]
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def build(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    sqs: Callable[[], Any],
    *,
    clock: Callable[[], float] = time.time,
    poster: Poster | None = None,
    delays: Sequence[int] = DELAYS,
) -> Deliveries:
    """The function over this table and these queues. *sqs* makes the queue's client at the first failure: most batches have none."""
    master = CachedParameter(ssm, settings.webhook_parameter, master_of)
    slow = settings.webhook_queue == settings.slow_webhook_queue if settings.slow_webhook_queue else None
    return Deliveries(
        Webhooks(dynamo, settings.accounts_table),
        master.value,
        poster or Poster(Reach(settings.webhook_reach)),
        _Sqs(cache(sqs), settings.webhook_queue, settings.slow_webhook_queue, log),
        clock,
        log,
        delays,
        slow=slow,
    )


def _number(record: Mapping[str, Any], name: str) -> int:
    """A number that a message of ours carries; 0 in one of EventBridge's, which carries none."""
    return int(record.get("messageAttributes", {}).get(name, {}).get("stringValue") or 0)


class _Sqs:
    """The queue that messages came from, and the one of slow receivers, on SQS."""

    def __init__(self, client: Callable[[], Any], queue: str, slow: str, log: Log) -> None:
        self._client = client
        self._queue = queue
        self._slow = slow
        self._log = log

    def postpone(self, receipt: str, seconds: int) -> None:
        """Hide a received message for so long."""
        try:
            self._client().change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError):
            # It comes again after the queue's own timeout, which is sooner or later than it should be, and no loss.
            self._log.problem("a message was not postponed")

    def hand_over(self, queued: QueuedMessage, attempts: int, times: int, seconds: int) -> bool:
        """Put a copy into the slow lane; what was received is done then."""
        carried = {"attempts": attempts, "put_off": times}
        try:
            self._client().send_message(
                QueueUrl=self._slow,
                MessageBody=queued.body,
                DelaySeconds=seconds,
                MessageAttributes={
                    name: {"DataType": "Number", "StringValue": str(value)} for name, value in carried.items()
                },
            )
        except (ClientError, BotoCoreError):
            self._log.problem("a message was not handed over")
            return False
        return True


def _built(given: Resources) -> Deliveries:
    return build(given.settings, given.log, given.dynamo, given.aws.ssm(), given.aws.sqs)


_environment = ExecutionEnvironment("webhooks", _built)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Consume one batch of the queue of events."""
    deliveries = _environment.begin(event, context)
    return consume(event, deliveries, _environment.log)
