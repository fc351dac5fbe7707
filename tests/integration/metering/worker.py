"""A process of the metering function and its poller, which can be told to die by SIGKILL in the middle of a batch.

    python -m tests.integration.metering.worker '{"endpoint": …, "queue": …, "kill_at": 5, "after": true}'

The function is the real handler with the template's environment; the poller does what Lambda's does: receive up to ten,
invoke, delete whatever the answer does not name. It ends when the queue has nothing more, in flight neither. `kill_at` kills the
process at its n-th write, before it or (`after`) once it is committed and before anybody knows.
"""

import json
import os
import signal
import sys
from types import SimpleNamespace
from typing import Any

import boto3

from functions.metering import handler

LEFT = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def arm(client: Any, kill_at: int, *, after: bool) -> None:
    """Have the process die at the *kill_at*-th update."""
    real = client.update_item
    left = [kill_at]

    def update_item(**parameters: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if after:
                real(**parameters)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(**parameters)

    client.update_item = update_item


def main() -> None:
    """Poll until the queue stays empty, or until killed."""
    plan = json.loads(sys.argv[1])
    sqs = boto3.client("sqs")
    if plan["kill_at"]:
        arm(handler._environment._function._ledger._dynamo._client, plan["kill_at"], after=plan["after"])
    while True:
        found = sqs.receive_message(QueueUrl=plan["queue"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = found.get("Messages", [])
        if not messages:
            left = sqs.get_queue_attributes(QueueUrl=plan["queue"], AttributeNames=[*LEFT])["Attributes"]
            if not any(int(left[name]) for name in LEFT):
                return
            continue
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
        answer = handler.lambda_handler({"Records": records}, SimpleNamespace(aws_request_id="test"))
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        for one in messages:
            if one["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=plan["queue"], ReceiptHandle=one["ReceiptHandle"])


if __name__ == "__main__":
    main()
