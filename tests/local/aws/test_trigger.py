"""The queue trigger against a real queue and a real function process."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from local.aws.emulator import AwsClients, deploy
from local.aws.intrinsics import Deployment
from local.aws.runtime import FailedInvocation, FunctionPool
from local.aws.trigger import Trigger, failures
from local.process.log import StackLog
from tests.local import builders

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

TEXT = """
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Work:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 1, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      Handler: tests.local.probe.lambda_handler
      Events:
        Source:
          Type: SQS
          Properties: {Queue: !GetAtt Work.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}
"""


@dataclass(frozen=True)
class Served:
    """Two queues, the first of which is served."""

    sqs: "SQSClient"
    work: str
    dead: str

    def counts(self) -> tuple[int, int]:
        """How many messages are in each, visible or not."""
        return self._count(self.work), self._count(self.dead)

    def _count(self, url: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    async def until(self, work: int, dead: int) -> None:
        """Wait until that many messages are left."""
        async with asyncio.timeout(20):
            while await asyncio.to_thread(self.counts) != (work, dead):  # noqa: ASYNC110  # a queue has no event for it
                await asyncio.sleep(0.1)


@pytest.fixture(name="served")
async def _served(
    aws_endpoint: str, make_pool: Callable[..., Awaitable[FunctionPool]], log: StackLog
) -> AsyncIterator[Served]:
    clients = AwsClients(aws_endpoint, builders.CREDENTIALS)
    where = Deployment(f"t{uuid.uuid4().hex[:8]}", "us-east-1", aws_endpoint, "")
    template = builders.template(TEXT, where)
    await asyncio.to_thread(deploy, template, clients)
    pool = await make_pool(TEXT)
    await pool.start()  # a cold one may need longer than messages stay invisible
    task = asyncio.create_task(Trigger(template.sources[0], pool, clients.sqs, log).run())
    yield Served(clients.sqs, template.queues["Work"].url, template.queues["Dead"].url)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_succeeds_is_deleted_and_what_fails_ends_among_the_dead_letters(
    served: Served, log: StackLog
) -> None:
    """Only the named messages of a batch come again, and only as often as the redrive policy says."""
    bodies = ["ok", "fail", "ok", "fail", "ok"]
    served.sqs.send_message_batch(
        QueueUrl=served.work,
        Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
    )
    await served.until(0, 2)
    assert "failed and will come again: the function reported them" in log.path.read_text()


async def test_a_batch_that_raises_fails_whole(served: Served, log: StackLog) -> None:
    """Its messages come again; the function's error is in the log."""
    served.sqs.send_message(QueueUrl=served.work, MessageBody="raise")
    await served.until(0, 1)
    assert "ValueError: the batch is broken" in log.path.read_text()


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (b'{"batchItemFailures": []}', set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "x"}]}', {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        (b'{"batchItemFailures": [{"other": "a"}]}', {"a", "b"}),
        (b"not json", {"a", "b"}),
        (b'["a"]', {"a", "b"}),
        (FailedInvocation("timeout"), {"a", "b"}),
    ],
)
def test_a_batch_response_is_read_as_lambda_reads_it(outcome: bytes | FailedInvocation, failed: set[str]) -> None:
    """An answer that cannot be trusted fails the whole batch: nothing is lost."""
    assert failures(outcome, {"a", "b"}, partial=True) == failed
    whole = {"a", "b"} if isinstance(outcome, FailedInvocation) else set()
    assert failures(outcome, {"a", "b"}, partial=False) == whole


def test_a_deployment_may_be_repeated(aws_endpoint: str) -> None:
    """What exists stays as it is."""
    clients = AwsClients(aws_endpoint, builders.CREDENTIALS)
    template = builders.template(TEXT, Deployment(f"t{uuid.uuid4().hex[:8]}", "us-east-1", aws_endpoint, ""))
    for _ in range(2):
        deploy(template, clients)
    attributes = clients.sqs.get_queue_attributes(QueueUrl=template.queues["Work"].url, AttributeNames=["All"])
    assert json.loads(attributes["Attributes"]["RedrivePolicy"])["maxReceiveCount"] in {2, "2"}
