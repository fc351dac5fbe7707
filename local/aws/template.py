"""What template.yaml says, with its intrinsic functions resolved for one machine.

Everything local is derived from here: routes, environments, timeouts, tables, queues and parameters stand nowhere
else. Physical names are deterministic, so a `Ref` needs no answer from the emulator. Only what is read is resolved,
and what is read but not understood is a `TemplateError` that names it. Left out: policies and alarms.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ACCOUNT = "000000000000"

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template asks for something that the local stack cannot give; the text is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the template is deployed to: what its pseudo parameters stand for."""

    stack: str
    region: str
    emulator_url: str
    api_url: str
    parameters: Mapping[str, str] = field(default_factory=dict)  # override the defaults of `Parameters`


@dataclass(frozen=True, slots=True)
class Function:
    """One AWS::Serverless::Function."""

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    memory: int


@dataclass(frozen=True, slots=True)
class Route:
    """One HttpApi event: what API Gateway would make a route of."""

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
class Queue:
    """One AWS::SQS::Queue; `attributes` as SQS's CreateQueue takes them."""

    name: str
    url: str
    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class QueueSource:
    """One SQS event: a queue that invokes a function."""

    function: str
    queue: Queue
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
class Rule:
    """One AWS::Events::Rule: events of *bus* that match *pattern* (JSON) go to *targets*, as PutTargets takes them."""

    name: str
    bus: str
    pattern: str
    targets: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One AWS::DynamoDB::Table; `request` as DynamoDB's CreateTable takes it."""

    name: str
    request: Mapping[str, Any]
    ttl: str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One AWS::SSM::Parameter."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a template that run on one machine, by logical id."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    sources: tuple[QueueSource, ...]
    schedules: tuple[Schedule, ...]
    rules: tuple[Rule, ...]
    queues: Mapping[str, Queue]
    tables: Mapping[str, Table]
    parameters: Mapping[str, Parameter]


def read(path: Path, deployment: Deployment) -> Template:
    """The template in the file *path*, as deployed to *deployment*."""
    return parse(path.read_text(), deployment)


def parse(text: str, deployment: Deployment) -> Template:
    """The template spelled by *text*, as deployed to *deployment*."""
    return _Reader(load(text), deployment).template()


def load(text: str) -> dict[str, Any]:
    """The document spelled by *text*, its short forms (`!Ref x`) written out, nothing resolved."""
    document: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader that also knows these tags
    return document


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` becomes {"Ref": "x"}, `!Sub x` {"Fn::Sub": "x"}."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101  # YAML has no fourth kind of node
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


class _Reader:
    """One template document and the values that its references have."""

    def __init__(self, document: Mapping[str, Any], deployment: Deployment) -> None:
        self._document = document
        self._resources: Mapping[str, Any] = document.get("Resources", {})
        self._at = deployment

    def template(self) -> Template:
        queues = {name: self._queue(name, p) for name, p in self._of("AWS::SQS::Queue")}
        functions = dict(self._of("AWS::Serverless::Function"))
        return Template(
            functions={name: self._function(name, properties) for name, properties in functions.items()},
            routes=tuple(route for name, p in functions.items() for route in self._routes(name, p)),
            sources=tuple(source for name, p in functions.items() for source in self._sources(name, p, queues)),
            schedules=tuple(schedule for name, p in functions.items() for schedule in self._schedules(name, p)),
            rules=tuple(self._rule(name, p) for name, p in self._of("AWS::Events::Rule")),
            queues=queues,
            tables={name: self._table(name, p) for name, p in self._of("AWS::DynamoDB::Table")},
            parameters={name: self._parameter(p) for name, p in self._of("AWS::SSM::Parameter")},
        )

    def _of(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self._resources.items():
            if resource["Type"] == kind and self._condition(resource.get("Condition")):
                yield name, resource.get("Properties", {})

    # Resources

    def _function(self, name: str, properties: Mapping[str, Any]) -> Function:
        common = self._document.get("Globals", {}).get("Function", {})
        merged = {**common, **properties}
        environment: dict[str, Any] = {}
        for source in (common, properties):
            environment |= source.get("Environment", {}).get("Variables", {})
        if "Handler" not in merged:
            raise TemplateError(f"{name} has no Handler: only Python functions in a zip run locally.")
        return Function(
            name=name,
            handler=self._text(merged["Handler"]),
            environment={key: self._text(value) for key, value in environment.items()},
            timeout=float(self._value(merged.get("Timeout", 3))),
            memory=int(self._value(merged.get("MemorySize", 128))),
        )

    def _routes(self, function: str, properties: Mapping[str, Any]) -> Iterator[Route]:
        for name, event in properties.get("Events", {}).items():
            if event["Type"] != "HttpApi":
                continue
            asked = event.get("Properties", {})
            api = self._api(asked.get("ApiId"))
            if api.get("CorsConfiguration"):
                raise TemplateError(
                    f"{function}.{name}: the API has a CorsConfiguration; here functions answer CORS themselves."
                )
            authorizer = asked.get("Auth", {}).get("Authorizer") or api.get("Auth", {}).get("DefaultAuthorizer")
            if authorizer not in {None, "NONE", "AWS_IAM"}:
                raise TemplateError(f"{function}.{name}: the authorizer {authorizer} does not exist locally.")
            yield Route(
                method=str(asked.get("Method", "ANY")).upper().replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "ANY"),
                path=self._text(asked.get("Path", "$default")),
                function=function,
                iam=authorizer == "AWS_IAM",
                timeout=float(asked.get("TimeoutInMillis", 30_000)) / 1000,
            )

    def _api(self, reference: Any) -> Mapping[str, Any]:
        """The properties of the API that an event belongs to: a named one, or SAM's implicit one from Globals."""
        common: Mapping[str, Any] = self._document.get("Globals", {}).get("HttpApi", {})
        if isinstance(reference, dict) and reference.get("Ref") in self._resources:
            return {**common, **self._resources[reference["Ref"]].get("Properties", {})}
        return common

    def _sources(
        self, function: str, properties: Mapping[str, Any], queues: Mapping[str, Queue]
    ) -> Iterator[QueueSource]:
        by_arn = {queue.arn: queue for queue in queues.values()}
        for name, event in properties.get("Events", {}).items():
            if event["Type"] != "SQS":
                continue
            asked = event["Properties"]
            arn = self._text(asked["Queue"])
            if arn not in by_arn:
                raise TemplateError(f"{function}.{name}: {arn} is not a queue of this template.")
            if "FilterCriteria" in asked:
                raise TemplateError(f"{function}.{name}: filter criteria are not applied locally.")
            yield QueueSource(
                function=function,
                queue=by_arn[arn],
                batch_size=int(self._value(asked.get("BatchSize", 10))),
                window=float(self._value(asked.get("MaximumBatchingWindowInSeconds", 0))),
                partial="ReportBatchItemFailures" in asked.get("FunctionResponseTypes", []),
                concurrency=int(asked.get("ScalingConfig", {}).get("MaximumConcurrency", 2)),
            )

    def _schedules(self, function: str, properties: Mapping[str, Any]) -> Iterator[Schedule]:
        for name, event in properties.get("Events", {}).items():
            if event["Type"] != "Schedule":
                continue
            asked = event["Properties"]
            expression = self._text(asked["Schedule"])
            match = _RATE.fullmatch(expression)
            if match is None:
                raise TemplateError(f"{function}.{name}: {expression} is not understood locally; only rate(…) is.")
            yield Schedule(
                function, int(match[1]) * _SECONDS[match[2]], json.loads(self._text(asked.get("Input", "{}")))
            )

    def _rule(self, logical: str, properties: Mapping[str, Any]) -> Rule:
        if "EventPattern" not in properties:
            raise TemplateError(f"{logical} has no EventPattern: a schedule is an event of its function here.")
        return Rule(
            self._name(logical),
            self._text(properties.get("EventBusName", "default")),
            json.dumps(self._value(properties["EventPattern"])),
            tuple(self._value(target) for target in properties["Targets"]),
        )

    def _queue(self, logical: str, properties: Mapping[str, Any]) -> Queue:
        attributes = {}
        for key, value in self._value({k: v for k, v in properties.items() if k not in {"QueueName", "Tags"}}).items():
            attributes[key] = json.dumps(value) if isinstance(value, dict) else _plain(value)
        name = self._name(logical)
        return Queue(name, self._ref(logical), self._attribute(logical, "Arn"), attributes)

    def _table(self, logical: str, properties: Mapping[str, Any]) -> Table:
        # What CreateTable takes under the same names; backups, deletion protection and tags mean nothing here.
        kept = (
            "AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes",
            "ProvisionedThroughput", "StreamSpecification",
        )  # fmt: skip
        request = self._value({key: properties[key] for key in kept if key in properties})
        name = self._name(logical)
        return Table(
            name, {"TableName": name, **request}, properties.get("TimeToLiveSpecification", {}).get("AttributeName")
        )

    def _parameter(self, properties: Mapping[str, Any]) -> Parameter:
        return Parameter(*(self._text(properties[key]) for key in ("Name", "Type", "Value")))

    # References

    def _name(self, logical: str) -> str:
        """The physical name of a resource: the one that it asks for, or one made of the stack's and its logical name."""
        resource = self._resources.get(logical)
        if resource is None:
            raise TemplateError(f"{logical} is referred to, but the template has no such resource or parameter.")
        asked = resource.get("Properties", {})
        for key in ("TableName", "QueueName", "FunctionName", "TopicName"):
            if key in asked:
                return self._text(asked[key])
        return f"{self._at.stack}-{logical}"

    def _ref(self, name: str) -> str:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": self._at.region,
            "AWS::StackName": self._at.stack,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": "",
        }
        if name in pseudo:
            return pseudo[name]
        parameters = self._document.get("Parameters", {})
        if name in parameters:
            if name not in self._at.parameters and "Default" not in parameters[name]:
                raise TemplateError(f"The parameter {name} has no default, so `make up` cannot know its value.")
            return _plain(self._at.parameters.get(name, parameters[name].get("Default")))
        kind = self._resources.get(name, {}).get("Type")
        if kind == "AWS::SQS::Queue":
            return f"{self._at.emulator_url}/{ACCOUNT}/{self._name(name)}"
        if kind == "AWS::SSM::Parameter":
            return self._text(self._resources[name]["Properties"]["Name"])
        return self._name(name)

    def _attribute(self, logical: str, attribute: str) -> str:
        kind = self._resources.get(logical, {}).get("Type")
        name = self._name(logical)
        place = f"{self._at.region}:{ACCOUNT}"
        known = {
            ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{place}:{name}",
            ("AWS::SQS::Queue", "QueueName"): name,
            ("AWS::SQS::Queue", "QueueUrl"): f"{self._at.emulator_url}/{ACCOUNT}/{name}",
            ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{place}:table/{name}",
            ("AWS::Serverless::Function", "Arn"): f"arn:aws:lambda:{place}:function:{name}",
            ("AWS::Serverless::HttpApi", "ApiEndpoint"): self._at.api_url,
        }
        try:
            return known[kind, attribute]
        except KeyError:
            raise TemplateError(f"!GetAtt {logical}.{attribute} has no value on one machine.") from None

    def _condition(self, name: Any) -> bool:
        if name is None:
            return True
        if isinstance(name, str):
            return bool(self._value(self._document["Conditions"][name]))
        return bool(self._value(name))

    # Intrinsic functions

    def _text(self, value: Any) -> str:
        resolved = self._value(value)
        if isinstance(resolved, dict | list):
            raise TemplateError(f"Text was expected where the template says {value!r}.")
        return _plain(resolved)

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        name, asked = next(iter(value.items())) if len(value) == 1 else ("", None)
        if name == "Ref" or name.startswith("Fn::"):
            return self._call(name, asked)
        if name == "Condition" and isinstance(asked, str):
            return self._condition(asked)
        return {key: self._value(item) for key, item in value.items()}

    def _call(self, name: str, asked: Any) -> Any:
        calls: Mapping[str, Callable[[], Any]] = {
            "Ref": lambda: self._ref(asked),
            "Fn::GetAtt": lambda: self._attribute(*asked),
            "Fn::Sub": lambda: self._sub(asked),
            "Fn::Join": lambda: str(asked[0]).join(self._text(item) for item in self._value(asked[1])),
            "Fn::Select": lambda: self._value(asked[1])[int(asked[0])],
            "Fn::If": lambda: self._value(asked[1] if self._condition(asked[0]) else asked[2]),
            "Fn::Equals": lambda: self._text(asked[0]) == self._text(asked[1]),
            "Fn::Not": lambda: not self._condition(asked[0]),
            "Fn::And": lambda: all(self._condition(item) for item in asked),
            "Fn::Or": lambda: any(self._condition(item) for item in asked),
        }
        if name not in calls:
            raise TemplateError(f"{name} is not understood locally.")
        return calls[name]()

    def _sub(self, asked: Any) -> str:
        text, own = (asked, {}) if isinstance(asked, str) else (asked[0], asked[1])

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return self._text(own[name])
            logical, _, attribute = name.partition(".")
            return self._attribute(logical, attribute) if attribute else self._ref(name)

        return _SUB.sub(replace, text)


def _plain(value: Any) -> str:
    """A scalar as CloudFormation writes it into text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
