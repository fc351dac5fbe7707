"""JSON bodies read strictly: what Python's reader lets pass and no client can mean is refused, by the field's name.

That is: a name that an object has twice (which value holds depends on the reader), text that is no Unicode (a lone
surrogate, which no store and no log can write), and NaN or Infinity. A number without a fraction is an integer however
it is spelled, 5 or 5.0, as JSON Schema has it. Imports nothing that takes time: admission uses it.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NoReturn

from shared.refusals import Refused, invalid_request

NO_JSON = "The body is not JSON."
NO_OBJECT = "The body is not a JSON object."
DEEPEST = 20
"""Levels of objects and lists; our messages have four. Python's reader goes deeper than its own functions can follow."""


def read_object(body: bytes | str) -> dict[str, Any] | Refused:
    """The object that *body* spells, or what is wrong with it."""
    try:
        found = json.loads(body, object_pairs_hook=_Object, parse_constant=_no_number, parse_float=_number)
        if not isinstance(found, _Object):
            return invalid_request(NO_OBJECT)
        return _first_wrong(found, "", DEEPEST) or dict(found)
    except (ValueError, RecursionError):
        # Bytes that are no UTF-8 are a ValueError, and so is an integer of thousands of digits.
        return invalid_request(NO_JSON)


class _Object(dict[str, Any]):
    """A JSON object, and the name that it has twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice: str | None = None
        if len(self) < len(pairs):
            self.twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def _first_wrong(found: object, where: str, levels: int) -> Refused | None:
    """The first thing wrong below *where*, which may be *levels* deep."""
    if not levels:
        return invalid_request("The body is nested too deep.", where.partition(".")[0])
    if isinstance(found, str):
        return None if _writable(found) else invalid_request(f'"{where}" is not Unicode text.', where)
    if isinstance(found, _Object):
        if found.twice is not None and _writable(found.twice):
            name = _below(where, found.twice)
            return invalid_request(f'"{name}" is there twice.', name)
        for name, value in found.items():
            if not _writable(name):
                return invalid_request("A name in the body is not Unicode text.", where or None)
            wrong = _first_wrong(value, _below(where, name), levels - 1)
            if wrong is not None:
                return wrong
    if isinstance(found, list):
        return next(
            filter(None, (_first_wrong(one, _below(where, str(at)), levels - 1) for at, one in enumerate(found))), None
        )
    return None


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _writable(text: str) -> bool:
    """Whether *text* is Unicode: a lone surrogate cannot be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(text: str) -> float | int:
    """5.0 and 5e0 are 5 (JSON Schema 2020-12, validation, 6.1.1); what no float can hold is no number."""
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"{text} is beyond every number")
    return int(number) if number.is_integer() else number


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
