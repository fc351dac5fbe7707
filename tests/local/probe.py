"""A Lambda function that does what its event asks for: the tests' stand-in for any function."""

import os
import signal
import time
from typing import Any

_CALLS: list[Any] = []


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Do what the event's path, or its first message, says."""
    if "Records" in event:
        return batch(event)
    path = event.get("rawPath", "")
    if path == "/crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/raise":
        raise ValueError("the function is broken")
    if path.endswith("/sleep"):
        time.sleep(float(event["queryStringParameters"]["s"]))
    if path == "/malformed":
        return {"statusCode": "no number"}
    if path == "/bytes":
        return {"statusCode": 201, "headers": {"Content-Type": "x/y"}, "body": "AAEC", "isBase64Encoded": True}
    if path == "/head":
        return {"statusCode": 200, "headers": {"Content-Length": "1234"}, "body": ""}
    if path == "/cookies":
        return {"statusCode": 204, "cookies": ["a=1", "b=2"]}
    return {
        "event": event,
        "environment": dict(os.environ),
        "pid": os.getpid(),
        "remaining": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }


def batch(event: dict[str, Any]) -> Any:
    """Fail the messages that ask for it, the way that they ask for."""
    bodies = {record["messageId"]: record["body"] for record in event["Records"]}
    if "raise" in bodies.values():
        raise ValueError("the batch is broken")
    return {"batchItemFailures": [{"itemIdentifier": name} for name, body in bodies.items() if body == "fail"]}
