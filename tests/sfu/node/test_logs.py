"""The log is one JSON object a line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sfu.node.logs import install


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What was logged; the test runner's own handlers come back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    install("INFO", stream=stream, node="node1")
    yield stream
    root.handlers[:], root.level = handlers, level


def test_a_record_is_one_line_with_its_extras_as_members(log: io.StringIO) -> None:
    """Line ends in a message do not end the line, and what is None is left out."""
    logging.getLogger("sfu.x").info("session\nended", extra={"session": "s1", "sent": 3, "stream": None})
    line, rest = log.getvalue().split("\n")
    assert rest == ""
    told = json.loads(line)
    assert told.pop("at").endswith("+00:00")
    assert told == {
        "level": "info",
        "logger": "sfu.x",
        "message": "session\nended",
        "node": "node1",
        "session": "s1",
        "sent": 3,
    }


def test_a_traceback_is_in_the_same_line(log: io.StringIO) -> None:
    """Nothing breaks a log collector."""
    try:
        raise ValueError("no")  # noqa: TRY301  # raised to be logged
    except ValueError:
        logging.getLogger("sfu.x").exception("bug")
    told = json.loads(log.getvalue())
    assert "ValueError: no" in told["traceback"]


def test_signatures_and_requests_of_libraries_are_not_logged(log: io.StringIO) -> None:
    """They hold secrets at their lower levels."""
    logging.getLogger().setLevel("DEBUG")
    logging.getLogger("botocore.auth").debug("StringToSign")
    logging.getLogger("aiohttp.access").info("POST /whip?grant=secret")
    assert log.getvalue() == ""
