"""JSON that a stranger made to hurt: refused in words, at a cost that only its length decides."""

import time

import pytest

from functions.edge.jsonbody import DEEPEST, read_object
from shared.refusals import Refused


@pytest.mark.parametrize("depth", [DEEPEST, 100, 600, 900, 3000, 20_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_a_body_that_is_nested_deep_is_refused(depth: int, begin: str, end: str) -> None:
    """Whether the reader still takes it or not; an exception would be a 500 at a stranger's will."""
    inner = "1" if begin != "[" else ""
    said = read_object('{"z":' + begin * depth + inner + end * depth + "}")
    assert isinstance(said, Refused)
    assert said.code == "INVALID_REQUEST"


def test_what_our_messages_need_is_not_too_deep() -> None:
    """They have some levels, and they pass."""
    assert read_object('{"a":[{"b":{"c":[1]}}]}') == {"a": [{"b": {"c": [1]}}]}


@pytest.mark.parametrize(("text", "number"), [("5.0", 5), ("5e0", 5), ("0.5e1", 5), ("-2.0", -2), ("0.5", 0.5)])
def test_an_integer_is_one_however_it_is_spelled(text: str, number: float) -> None:
    """As JSON Schema has it: clients whose language knows no integers write 5.0."""
    said = read_object(f'{{"a":{text}}}')
    assert said == {"a": number}
    assert isinstance(said, dict)
    assert type(said["a"]) is type(number)


def test_a_number_beyond_every_number_is_refused() -> None:
    """Python reads it as infinity, which no store takes."""
    assert isinstance(read_object('{"a":1e400}'), Refused)


def test_many_names_cost_no_more_than_their_number() -> None:
    """The one that is there twice is found in one pass: comparing each with each took minutes for these."""
    body = "{" + ",".join(f'"n{number}":1' for number in [*range(100_000), 99_999]) + "}"
    begun = time.process_time()
    said = read_object(body)
    assert isinstance(said, Refused)
    assert said.body()["field"] == "n99999"
    assert time.process_time() - begun < 5
