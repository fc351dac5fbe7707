"""The parts of template.yaml that run on one machine: what a deployment is told of each, with every reference resolved.

Values only. `template.py` makes them; the emulator, the gateway and the event sources are made from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FunctionResource:
    """One AWS::Serverless::Function: what starts it and what it is told. `timeout` in seconds, `memory` in MB."""

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    memory: int


@dataclass(frozen=True, slots=True)
class Route:
    """One HttpApi event: a route of the API, and how many seconds its function has to answer."""

    method: str  # upper case, or ANY
    path: str  # "/v1/nodes/{id}/heartbeat", or $default
    function: str
    iam: bool  # authorised by SigV4
    timeout: float

    @property
    def key(self) -> str:
        """The route key as API Gateway spells it."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class QueueResource:
    """One AWS::SQS::Queue; `attributes` as SQS's CreateQueue takes them."""

    name: str
    url: str
    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class QueueSource:
    """One SQS event: a queue that invokes a function with batches, each gathered for up to `window` seconds."""

    function: str
    queue: QueueResource
    batch_size: int
    window: float
    partial: bool  # ReportBatchItemFailures
    concurrency: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One Schedule event: a function that is invoked every *seconds* with *payload*."""

    function: str
    seconds: float
    payload: Any


@dataclass(frozen=True, slots=True)
class RuleResource:
    """One AWS::Events::Rule: events of *bus* that match *pattern* (JSON) go to *targets*, as PutTargets takes them."""

    name: str
    bus: str
    pattern: str
    targets: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class TableResource:
    """One AWS::DynamoDB::Table; `request` as DynamoDB's CreateTable takes it."""

    name: str
    request: Mapping[str, Any]
    ttl: str | None


@dataclass(frozen=True, slots=True)
class ParameterResource:
    """One AWS::SSM::Parameter; `kind` is its type, String or SecureString."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a template that run on one machine, by logical id."""

    functions: Mapping[str, FunctionResource]
    routes: tuple[Route, ...]
    sources: tuple[QueueSource, ...]
    schedules: tuple[Schedule, ...]
    rules: tuple[RuleResource, ...]
    queues: Mapping[str, QueueResource]
    tables: Mapping[str, TableResource]
    parameters: Mapping[str, ParameterResource]
