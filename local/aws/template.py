"""What template.yaml says, as deployed on one machine.

Everything local is derived from here: routes, environments, timeouts, tables, queues and parameters stand nowhere
else. Only what is read is resolved, and what is read but not understood is a `TemplateError` that names it. Left out:
policies and alarms.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.aws.document import load
from local.aws.intrinsics import Deployment, TemplateError, TemplateResolver, plain
from local.aws.resources import (
    FunctionResource,
    ParameterResource,
    QueueResource,
    QueueSource,
    Route,
    RuleResource,
    Schedule,
    TableResource,
    Template,
)

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def read(path: Path, deployment: Deployment) -> Template:
    """The template in the file *path*, as deployed to *deployment*."""
    return parse(path.read_text(), deployment)


def parse(text: str, deployment: Deployment) -> Template:
    """The template spelled by *text*, as deployed to *deployment*."""
    return _TemplateReader(load(text), deployment).template()


class _TemplateReader:
    """Makes a `Template` of one document, resource by resource."""

    def __init__(self, document: Mapping[str, Any], deployment: Deployment) -> None:
        self._document = document
        self._resolve = TemplateResolver(document, deployment)

    def template(self) -> Template:
        queues = {name: self._queue(name, p) for name, p in self._resolve.resources("AWS::SQS::Queue")}
        functions = dict(self._resolve.resources("AWS::Serverless::Function"))
        return Template(
            functions={name: self._function(name, properties) for name, properties in functions.items()},
            routes=tuple(route for name, p in functions.items() for route in self._routes(name, p)),
            sources=tuple(source for name, p in functions.items() for source in self._sources(name, p, queues)),
            schedules=tuple(schedule for name, p in functions.items() for schedule in self._schedules(name, p)),
            rules=tuple(self._rule(name, p) for name, p in self._resolve.resources("AWS::Events::Rule")),
            queues=queues,
            tables={name: self._table(name, p) for name, p in self._resolve.resources("AWS::DynamoDB::Table")},
            parameters={name: self._parameter(p) for name, p in self._resolve.resources("AWS::SSM::Parameter")},
        )

    def _globals(self, kind: str) -> Mapping[str, Any]:
        """What the template's Globals say of all functions, or of all APIs."""
        found: Mapping[str, Any] = self._document.get("Globals", {}).get(kind, {})
        return found

    def _function(self, name: str, properties: Mapping[str, Any]) -> FunctionResource:
        common = self._globals("Function")
        merged = {**common, **properties}
        environment: dict[str, Any] = {}
        for source in (common, properties):
            environment |= source.get("Environment", {}).get("Variables", {})
        if "Handler" not in merged:
            raise TemplateError(f"{name} has no Handler: only Python functions in a zip run locally.")
        return FunctionResource(
            name=name,
            handler=self._resolve.text(merged["Handler"]),
            environment={key: self._resolve.text(value) for key, value in environment.items()},
            timeout=float(self._resolve.value(merged.get("Timeout", 3))),
            memory=int(self._resolve.value(merged.get("MemorySize", 128))),
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
                path=self._resolve.text(asked.get("Path", "$default")),
                function=function,
                iam=authorizer == "AWS_IAM",
                timeout=float(asked.get("TimeoutInMillis", 30_000)) / 1000,
            )

    def _api(self, reference: Any) -> Mapping[str, Any]:
        """The properties of the API that an event belongs to: a named one, or SAM's implicit one from Globals."""
        common: Mapping[str, Any] = self._globals("HttpApi")
        if isinstance(reference, dict) and reference.get("Ref") in self._document["Resources"]:
            return {**common, **self._document["Resources"][reference["Ref"]].get("Properties", {})}
        return common

    def _sources(
        self, function: str, properties: Mapping[str, Any], queues: Mapping[str, QueueResource]
    ) -> Iterator[QueueSource]:
        by_arn = {queue.arn: queue for queue in queues.values()}
        for name, event in properties.get("Events", {}).items():
            if event["Type"] != "SQS":
                continue
            asked = event["Properties"]
            arn = self._resolve.text(asked["Queue"])
            if arn not in by_arn:
                raise TemplateError(f"{function}.{name}: {arn} is not a queue of this template.")
            if "FilterCriteria" in asked:
                raise TemplateError(f"{function}.{name}: filter criteria are not applied locally.")
            yield QueueSource(
                function=function,
                queue=by_arn[arn],
                batch_size=int(self._resolve.value(asked.get("BatchSize", 10))),
                window=float(self._resolve.value(asked.get("MaximumBatchingWindowInSeconds", 0))),
                partial="ReportBatchItemFailures" in asked.get("FunctionResponseTypes", []),
                concurrency=int(asked.get("ScalingConfig", {}).get("MaximumConcurrency", 2)),
            )

    def _schedules(self, function: str, properties: Mapping[str, Any]) -> Iterator[Schedule]:
        for name, event in properties.get("Events", {}).items():
            if event["Type"] != "Schedule":
                continue
            asked = event["Properties"]
            expression = self._resolve.text(asked["Schedule"])
            match = _RATE.fullmatch(expression)
            if match is None:
                raise TemplateError(f"{function}.{name}: {expression} is not understood locally; only rate(…) is.")
            yield Schedule(
                function, int(match[1]) * _SECONDS[match[2]], json.loads(self._resolve.text(asked.get("Input", "{}")))
            )

    def _rule(self, logical: str, properties: Mapping[str, Any]) -> RuleResource:
        if "EventPattern" not in properties:
            raise TemplateError(f"{logical} has no EventPattern: a schedule is an event of its function here.")
        return RuleResource(
            self._resolve.name(logical),
            self._resolve.text(properties.get("EventBusName", "default")),
            json.dumps(self._resolve.value(properties["EventPattern"])),
            tuple(self._resolve.value(target) for target in properties["Targets"]),
        )

    def _queue(self, logical: str, properties: Mapping[str, Any]) -> QueueResource:
        attributes = {}
        for key, value in self._resolve.value(
            {k: v for k, v in properties.items() if k not in {"QueueName", "Tags"}}
        ).items():
            attributes[key] = json.dumps(value) if isinstance(value, dict) else plain(value)
        name = self._resolve.name(logical)
        return QueueResource(
            name, self._resolve.reference(logical), self._resolve.attribute(logical, "Arn"), attributes
        )

    def _table(self, logical: str, properties: Mapping[str, Any]) -> TableResource:
        # What CreateTable takes under the same names; backups, deletion protection and tags mean nothing here.
        kept = (
            "AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes",
            "ProvisionedThroughput", "StreamSpecification",
        )  # fmt: skip
        request = self._resolve.value({key: properties[key] for key in kept if key in properties})
        name = self._resolve.name(logical)
        return TableResource(
            name, {"TableName": name, **request}, properties.get("TimeToLiveSpecification", {}).get("AttributeName")
        )

    def _parameter(self, properties: Mapping[str, Any]) -> ParameterResource:
        return ParameterResource(*(self._resolve.text(properties[key]) for key in ("Name", "Type", "Value")))
