"""Messages read what they wrote, ignore what they do not know, and refuse what would corrupt a total."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.messages import Command, Heartbeat, HeartbeatReply, UsageReport, WireMessage

GOLDEN = Path(__file__).parent / "golden" / "messages"
MODELS: dict[str, type[BaseModel]] = {
    "heartbeat": Heartbeat,
    "heartbeat_reply": HeartbeatReply,
    "usage_report": UsageReport,
}


def golden(name: str) -> dict[str, Any]:
    """The documented example of a message."""
    loaded: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", MODELS)
def test_the_golden_example_round_trips(name: str) -> None:
    """Every field of the wire format is in the example, and comes back as it went in."""
    message = MODELS[name].model_validate_json((GOLDEN / f"{name}.json").read_bytes())

    assert golden(name) == message.model_dump(mode="json", exclude_none=True)
    assert MODELS[name].model_validate_json(message.model_dump_json()) == message


def models_in(found: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], BaseModel]]:
    """*found* and every model in it, each with where it is."""
    if isinstance(found, BaseModel):
        yield at, found
        for name in type(found).model_fields:
            yield from models_in(getattr(found, name), (*at, name))
    if isinstance(found, tuple):
        for number, each in enumerate(found):
            yield from models_in(each, (*at, number))


EVERY = [(name, at, inner) for name, model in MODELS.items() for at, inner in models_in(model(**golden(name)))]


def test_every_kind_of_part_is_in_an_example() -> None:
    """With every field that it can have in one of them, so that what is claimed of the examples is claimed of all fields."""
    for kind in WireMessage.__subclasses__():
        said = [inner.model_fields_set for _, _, inner in EVERY if type(inner) is kind]
        assert set().union(*said) == set(kind.model_fields), kind.__name__


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, at, _ in EVERY], ids=str)
def test_unknown_fields_are_ignored(name: str, at: tuple[str | int, ...]) -> None:
    """A newer sender may say more, in the message and in each part of it."""
    newer = golden(name)
    part: Any = newer
    for step in at:
        part = part[step]
    part["future"] = [1, 2]

    assert MODELS[name].model_validate_json(json.dumps(newer)) == MODELS[name].model_validate(golden(name))


def entry(**changes: Any) -> dict[str, Any]:
    """A usage report whose one entry is changed by *changes*."""
    return golden("usage_report") | {"entries": [golden("usage_report")["entries"][0] | changes]}


@pytest.mark.parametrize(
    "report",
    [
        entry(received=-1),
        entry(sent=-5),
        entry(sent=1.5),
        entry(sent="7"),
        entry(sent=2**54),
        entry(month="2026-13"),
        entry(month="26-1"),
        entry(account=""),
        entry(account="a#b"),
        golden("usage_report") | {"v": 2},
        {},
        {"v": 1},
    ],
)
def test_a_report_that_could_corrupt_a_total_is_refused(report: dict[str, Any]) -> None:
    """Negative, fractional, huge or foreign values, and versions that we do not know."""
    with pytest.raises(ValidationError):
        UsageReport.model_validate_json(json.dumps(report))


@pytest.mark.parametrize(
    "change",
    [
        {"state": "tired"},
        {"at": -1},
        {"at": float("nan")},
        {"url": "ftp://x"},
        {"url": "http://x/path"},
        {"node": "a b"},
        {"streams": [{}]},
        {"streams": 5},
        {"boot": None},
    ],
)
def test_a_malformed_heartbeat_is_refused(change: dict[str, Any]) -> None:
    """Each wrong field alone is enough."""
    with pytest.raises(ValidationError):
        Heartbeat.model_validate_json(json.dumps(golden("heartbeat") | change))


@pytest.mark.parametrize(
    "targets", [{}, {"session": "a", "stream": "b"}, {"session": "a", "stream": "b", "account": "c"}]
)
def test_a_command_has_exactly_one_target(targets: dict[str, str]) -> None:
    """Otherwise it would end nothing, or more than was meant."""
    with pytest.raises(ValidationError):
        Command(id="c1", reason="admin", **targets)


def test_moments_are_read_to_the_microsecond() -> None:
    """A number of 10^-268 is JSON, and more than a store can take (found by fuzzing)."""
    heartbeat = json.loads((GOLDEN / "heartbeat.json").read_text())

    assert Heartbeat.model_validate_json(json.dumps({**heartbeat, "started_at": 6e-268})).started_at == 0
    assert Heartbeat.model_validate_json(json.dumps({**heartbeat, "at": 1.0000004})).at == 1
