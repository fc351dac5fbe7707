"""The event source between a queue and a function: what Lambda's poller does for an SQS event of the template.

Long poll, gather a batch, invoke, delete what succeeded; what failed becomes visible again after the queue's timeout
and goes to the dead-letter queue by its redrive policy, which the emulator applies. With ReportBatchItemFailures only
the named messages failed; an answer that names an unknown one, or cannot be read, fails the whole batch, as on AWS.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.resources import QueueSource
from local.aws.runtime import FailedInvocation, FunctionPool
from local.process.log import StackLog

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_T = TypeVar("_T")

_MOST_PER_CALL = 10
_LONG_POLL_SECONDS = 5
_WINDOW_STEP_SECONDS = 0.2  # how often a batch that is not full looks for more
_AFTER_ERROR_SECONDS = 1.0


class Trigger:
    """Delivers the messages of one queue to one function, in batches."""

    def __init__(self, source: QueueSource, pool: FunctionPool, sqs: "SQSClient", log: StackLog) -> None:
        self._source = source
        self._pool = pool
        self._sqs = sqs
        self._log = log
        self._url = source.queue.url
        self._part = f"{source.function}<-sqs"
        # Threads of its own: a long poll in a shared pool would hold up whoever else needs a thread.
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sqs")

    async def run(self) -> None:
        """Serve the queue until cancelled, with as many batches at once as the template allows."""
        free = asyncio.Semaphore(self._source.concurrency)
        try:
            async with asyncio.TaskGroup() as deliveries:
                while True:
                    await free.acquire()
                    batch = await self._guarded(self._batch())
                    delivery = deliveries.create_task(self._guarded(self._deliver(batch or [])))
                    delivery.add_done_callback(lambda _: free.release())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _guarded(self, step: Coroutine[Any, Any, _T]) -> _T | None:
        """Lambda's poller goes on whatever the queue says; what failed is visible again after its timeout."""
        try:
            return await step
        except (ClientError, BotoCoreError, TimeoutError) as error:
            self._log.write(self._part, f"the queue or the function does not answer: {error!r}")
            await asyncio.sleep(_AFTER_ERROR_SECONDS)
            return None

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(method, QueueUrl=self._url, **arguments)
        )

    async def _batch(self) -> list["MessageTypeDef"]:
        batch = await self._receive(self._source.batch_size, wait=_LONG_POLL_SECONDS)
        closes = time.monotonic() + self._source.window
        while batch and (room := self._source.batch_size - len(batch)) > 0 and (left := closes - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _WINDOW_STEP_SECONDS))
            batch += await self._receive(room, wait=0)
        return batch

    async def _receive(self, most: int, *, wait: int) -> list["MessageTypeDef"]:
        answer = await self._call(
            self._sqs.receive_message,
            MaxNumberOfMessages=min(most, _MOST_PER_CALL),
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    async def _deliver(self, batch: Sequence["MessageTypeDef"]) -> None:
        if not batch:
            return
        event = {"Records": [_record(message, self._source.queue.arn, self._sqs.meta.region_name) for message in batch]}
        outcome = await self._pool.invoke(event, within=self._pool.function.timeout + 60)
        failed = failures(outcome, {message["MessageId"] for message in batch}, partial=self._source.partial)
        if failed:
            why = outcome.reason if isinstance(outcome, FailedInvocation) else "the function reported them"
            self._log.write(self._part, f"{len(failed)} of {len(batch)} messages failed and will come again: {why}")
        done = [message for message in batch if message["MessageId"] not in failed]
        for start in range(0, len(done), _MOST_PER_CALL):
            await self._call(
                self._sqs.delete_message_batch,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(done[start : start + _MOST_PER_CALL])
                ],
            )


def failures(outcome: bytes | FailedInvocation, sent: set[str], *, partial: bool) -> set[str]:
    """Which of the messages *sent* are not done, by Lambda's rules for a batch response."""
    if isinstance(outcome, FailedInvocation):
        return sent
    if not partial:
        return set()
    try:
        answer = json.loads(outcome)
        named = {item["itemIdentifier"] for item in (answer or {}).get("batchItemFailures") or []}
    except (ValueError, TypeError, KeyError, AttributeError):
        return sent
    return sent if named - sent else named


def _record(message: "MessageTypeDef", arn: str, region: str) -> Mapping[str, Any]:
    attributes: dict[str, Any] = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
