"""What the references and intrinsic functions of a template stand for on one machine.

Physical names are deterministic, so a `Ref` needs no answer from the emulator. What is not understood is a
`TemplateError` that names it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "000000000000"
"""The AWS account that everything on this machine belongs to."""
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template asks for something that the local stack cannot give; the text is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a template is deployed to: the values of its pseudo parameters and of its own."""

    stack: str
    region: str
    emulator_url: str
    api_url: str
    parameters: Mapping[str, str] = field(default_factory=dict)  # override the defaults of `Parameters`


class TemplateResolver:
    """One template document, and the values that its references have in one deployment."""

    def __init__(self, document: Mapping[str, Any], deployment: Deployment) -> None:
        self._document = document
        self._resources: Mapping[str, Any] = document.get("Resources", {})
        self._at = deployment

    def resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The logical ids and the properties, unresolved, of the resources of the type *kind* that exist."""
        for name, resource in self._resources.items():
            if resource["Type"] == kind and self._condition(resource.get("Condition")):
                yield name, resource.get("Properties", {})

    # References

    def name(self, logical: str) -> str:
        """The physical name of a resource: the one that it asks for, or one made of the stack's and its logical name."""
        resource = self._resources.get(logical)
        if resource is None:
            raise TemplateError(f"{logical} is referred to, but the template has no such resource or parameter.")
        asked = resource.get("Properties", {})
        for key in ("TableName", "QueueName", "FunctionName", "TopicName"):
            if key in asked:
                return self.text(asked[key])
        return f"{self._at.stack}-{logical}"

    def reference(self, name: str) -> str:
        """What `!Ref name` stands for: a pseudo parameter, a parameter, or a resource."""
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
            return plain(self._at.parameters.get(name, parameters[name].get("Default")))
        kind = self._resources.get(name, {}).get("Type")
        if kind == "AWS::SQS::Queue":
            return f"{self._at.emulator_url}/{ACCOUNT}/{self.name(name)}"
        if kind == "AWS::SSM::Parameter":
            return self.text(self._resources[name]["Properties"]["Name"])
        return self.name(name)

    def attribute(self, logical: str, attribute: str) -> str:
        """What `!GetAtt logical.attribute` stands for."""
        kind = self._resources.get(logical, {}).get("Type")
        name = self.name(logical)
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
            return bool(self.value(self._document["Conditions"][name]))
        return bool(self.value(name))

    # Intrinsic functions

    def text(self, value: Any) -> str:
        """*value* resolved and written as text; `TemplateError` where it is a list or a mapping."""
        resolved = self.value(value)
        if isinstance(resolved, dict | list):
            raise TemplateError(f"Text was expected where the template says {value!r}.")
        return plain(resolved)

    def value(self, value: Any) -> Any:
        """*value* with every reference and intrinsic function in it resolved."""
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, dict):
            return value
        name, asked = next(iter(value.items())) if len(value) == 1 else ("", None)
        if name == "Ref" or name.startswith("Fn::"):
            return self._call(name, asked)
        if name == "Condition" and isinstance(asked, str):
            return self._condition(asked)
        return {key: self.value(item) for key, item in value.items()}

    def _call(self, name: str, asked: Any) -> Any:
        calls: Mapping[str, Callable[[], Any]] = {
            "Ref": lambda: self.reference(asked),
            "Fn::GetAtt": lambda: self.attribute(*asked),
            "Fn::Sub": lambda: self._sub(asked),
            "Fn::Join": lambda: str(asked[0]).join(self.text(item) for item in self.value(asked[1])),
            "Fn::Select": lambda: self.value(asked[1])[int(asked[0])],
            "Fn::If": lambda: self.value(asked[1] if self._condition(asked[0]) else asked[2]),
            "Fn::Equals": lambda: self.text(asked[0]) == self.text(asked[1]),
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
                return self.text(own[name])
            logical, _, attribute = name.partition(".")
            return self.attribute(logical, attribute) if attribute else self.reference(name)

        return _SUB.sub(replace, text)


def plain(value: Any) -> str:
    """A scalar as CloudFormation writes it into text: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
