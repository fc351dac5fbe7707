"""What DynamoDB would bill for a call, where the emulator does not say: batch reads, and writes whose condition failed.

By the documented rules: reads by 4 KB and item, half price when eventually consistent; writes by 1 KB; a failed condition
costs what the write would have; names count as well as values.
"""

import math
from collections.abc import Mapping
from typing import Any

WRITES = frozenset({"UpdateItem", "PutItem", "DeleteItem", "BatchWriteItem"})


def units(operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[float, float]:
    """Read and write units of one call."""
    said = answer.get("ConsumedCapacity", [])
    total = sum(each["CapacityUnits"] for each in (said if isinstance(said, list) else [said]))
    if operation == "BatchGetItem" and not total:
        return _batch(asked["RequestItems"], answer.get("Responses", {})), 0
    if operation not in WRITES:
        return total, 0
    if answer.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
        return 0, max(1, math.ceil(size(answer.get("Item", {})) / 1024))
    return 0, total


def size(item: Mapping[str, Any]) -> int:
    """Bytes of an item as the low-level client has it."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return math.ceil(len(value.lstrip("-0.").replace(".", "")) / 2) + 1
        case "SS":
            return sum(len(text.encode()) for text in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value(each) for name, each in value.items())
        case "L":
            return 3 + sum(1 + _value(each) for each in value)
    return 1


def _batch(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    total = 0.0
    for table, request in wanted.items():
        price = 1.0 if request.get("ConsistentRead") else 0.5
        items = found.get(table, [])
        # A key that has no item costs as much as the smallest.
        missing = len(request["Keys"]) - len(items)
        total += price * (missing + sum(max(1, math.ceil(size(item) / 4096)) for item in items))
    return total
