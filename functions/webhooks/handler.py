"""The consumer of the webhook queue, into which an EventBridge rule puts every event of ours."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions import aws
from functions.destinations import Reach
from functions.observability import LambdaLog, Log
from functions.settings import Settings
from functions.signer import Parameter, SignerUnavailableError
from functions.storage.dynamo import Dynamo
from functions.storage.webhooks import Webhooks
from functions.webhook import master_of
from functions.webhooks.posting import Poster
from functions.webhooks.service import DELAYS, Deliveries, Waiting

if TYPE_CHECKING:
    from functions.aws import ParameterStore


def consume(event: Mapping[str, Any], deliveries: Deliveries, log: Log) -> dict[str, Any]:
    """Deliver one batch; the answer names the records that must come again."""
    batch = [
        Waiting(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
        )
        for record in event["Records"]
    ]
    try:
        failed = asyncio.run(deliveries.deliver(batch))
    except SignerUnavailableError:
        log.problem("cannot sign")
        failed = [waiting.id for waiting in batch]
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def build(
    settings: Settings,
    log: Log,
    dynamo: Dynamo,
    ssm: "ParameterStore",
    sqs: Callable[[], Any],
    *,
    clock: Callable[[], float] = time.time,
    poster: Poster | None = None,
    delays: Sequence[int] = DELAYS,
) -> Deliveries:
    """The composition root. *sqs* makes the queue's client at the first failure: most batches have none."""
    master = Parameter(ssm, settings.webhook_parameter, master_of)
    return Deliveries(
        Webhooks(dynamo, settings.accounts_table),
        master.value,
        poster or Poster(Reach(settings.webhook_reach)),
        _postponing(cache(sqs), settings.webhook_queue, log),
        clock,
        log,
        delays,
    )


def _postponing(sqs: Callable[[], Any], queue: str, log: Log) -> Callable[[str, int], None]:
    def postpone(receipt: str, seconds: int) -> None:
        try:
            sqs().change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except (ClientError, BotoCoreError):
            # It comes again after the queue's own timeout, which is sooner or later than it should be, and no loss.
            log.problem("a message was not postponed")

    return postpone


@cache
def _log() -> LambdaLog:
    return LambdaLog("webhooks")


@cache
def _deliveries() -> Deliveries:
    session = aws.Session()
    settings = Settings.from_environment(os.environ)
    return build(settings, _log(), Dynamo(session.dynamodb()), session.ssm(), session.sqs)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Consume one batch of the queue."""
    _log().begin(getattr(context, "aws_request_id", ""))
    return consume(event, _deliveries(), _log())
