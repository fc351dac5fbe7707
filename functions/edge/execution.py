"""What every function does around its own work: the log, the time limit, the settings and the AWS clients of one process.

A handler module makes its `ExecutionEnvironment` when it is imported, which does nothing yet. The first event makes the
rest, once for as long as the process lives; each event begins with its request id in the log and its time limit.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from functions.edge.aws import AwsSession
from functions.edge.observability import LambdaLog
from functions.edge.settings import FunctionSettings
from functions.storage.dynamo import Dynamo
from functions.storage.patience import Left, Patience

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a function is built from."""

    settings: FunctionSettings
    log: LambdaLog
    dynamo: Dynamo
    aws: AwsSession
    left: Left
    """How many seconds the present event may still be worked on."""


class ExecutionEnvironment(Generic[F]):
    """One function's process on Lambda, which answers one event at a time. *build* makes the function from its resources.

    *environment* is read at the first event.
    """

    def __init__(
        self, service: str, build: Callable[[Resources], F], environment: Mapping[str, str] = os.environ
    ) -> None:
        self._service = service
        self._build = build
        self._environment = environment
        self._patience = Patience()

    @cached_property
    def log(self) -> LambdaLog:
        """The function's log; each line carries the id of the event that is being answered."""
        return LambdaLog(self._service)

    def begin(self, event: Mapping[str, Any], context: object) -> F:
        """Begin to answer *event* within the time that Lambda's *context* leaves; the function to answer it with."""
        self._patience.begin(context)
        self.log.begin(_request_id(event, context))
        return self._function

    @cached_property
    def _function(self) -> F:
        session = AwsSession()
        dynamo = Dynamo(session.dynamodb(), self._patience)
        settings = FunctionSettings.from_environment(self._environment)
        return self._build(Resources(settings, self.log, dynamo, session, self._patience.left))


def _request_id(event: Mapping[str, Any], context: object) -> str:
    """API Gateway's id of a request, which its client sees too; for other events Lambda's own."""
    if "requestContext" in event:
        return str(event["requestContext"].get("requestId", ""))
    return str(getattr(context, "aws_request_id", ""))
