"""template.yaml as a document: YAML in which CloudFormation's short forms are written out, and nothing is resolved."""

from typing import Any

import yaml


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
