"""Python values as DynamoDB attribute values and back.

Smaller than boto3's own serialiser and without Decimal: whole numbers come back as int, others as float, which is exact
for what we keep (bytes below 2^53, seconds with milliseconds). Sets are sets of strings. None is left out of items.
"""

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]
"""An item or a map in plain Python values."""


def to_attribute(value: object) -> dict[str, Any]:
    """*value* as the low-level client sends it."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case frozenset() | set():
            return {"SS": sorted(value)}
        case Mapping():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [to_attribute(v) for v in value]}
    raise TypeError(f"no DynamoDB type for {type(value).__name__}")


def to_item(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A map of values as the low-level client sends it; None is left out."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """The Python value of what the low-level client returned."""
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return _number(value)
        case "M":
            return from_item(value)
        case "L":
            return [from_attribute(v) for v in value]
        case "SS":
            return frozenset(value)
        case "NULL":
            return None
    return value


def from_item(attributes: Mapping[str, Any]) -> Item:
    """The Python values of an item that the low-level client returned."""
    return {name: from_attribute(attribute) for name, attribute in attributes.items()}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number
