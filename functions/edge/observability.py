"""Logs and metrics, the same way in every function: one JSON line a decision, metrics as EMF in the log stream.

Neither may fail a request, and neither sees a secret: callers log ids and masks only. Clients get codes; reasons go here.
"""

import sys
from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Sluice"


class Log(Protocol):
    """What services need of a log and of metrics."""

    def event(self, message: str, /, **facts: Any) -> None:
        """Log that something happened, with *facts*."""

    def problem(self, message: str, /, **facts: Any) -> None:
        """Log that something went wrong, with the exception that is being handled, if any."""

    def count(self, metric: str, /, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
        """Add *value* to a metric, apart by *dimensions*."""


class LambdaLog:
    """Powertools' logger, and metrics in CloudWatch's embedded format, for one function."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.logger = Logger(service=service)

    def begin(self, correlation_id: str) -> None:
        """Start of an invocation: every line of it carries the API's request id."""
        self.logger.set_correlation_id(correlation_id)

    def event(self, message: str, /, **facts: Any) -> None:
        """Log that something happened, with *facts*."""
        self.logger.info(message, extra=_known(facts))

    def problem(self, message: str, /, **facts: Any) -> None:
        """Log that something went wrong, with the exception that is being handled, if any."""
        self.logger.error(message, extra=_known(facts), exc_info=sys.exc_info()[0] is not None)

    def count(self, metric: str, /, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
        """Add *value* to a metric, apart by *dimensions*."""
        with single_metric(name=metric, unit=MetricUnit(unit), value=value, namespace=NAMESPACE) as entry:
            entry.add_dimension("service", self._service)
            for name, text in dimensions.items():
                entry.add_dimension(name, text)


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
