"""The rim that all functions share: what cannot be decided is a refusal, and every refusal is logged and counted once."""

from typing import Any

import pytest

from functions.domain.stores import StoreUnavailableError
from functions.edge.decisions import logged_decision
from functions.edge.parameters import ParameterUnavailableError
from shared.refusals import Code, Refused, invalid_key, unavailable


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def event(self, message: str, /, **facts: Any) -> None:
        """Keep the event for the test."""
        self.lines.append(("event", message, facts))

    def problem(self, message: str, /, **facts: Any) -> None:
        """Keep the problem for the test."""
        self.lines.append(("problem", message, facts))

    def count(self, metric: str, /, value: float = 1, unit: str = "Count", **dimensions: str) -> None:  # noqa: ARG002 - the protocol's
        """Keep the count for the test."""
        self.lines.append(("count", metric, dimensions))


@pytest.mark.parametrize("error", [StoreUnavailableError, ParameterUnavailableError])
def test_what_does_not_answer_is_unavailable(error: type[Exception]) -> None:
    """A 503 that says when to come back, with the reason in the log."""
    log = Log()

    def decide() -> Refused | str:
        raise error

    assert logged_decision(decide, log, route="r") == unavailable()
    assert [line[:2] for line in log.lines] == [
        ("problem", "cannot decide"), ("event", "refused"), ("count", "Refused"),
    ]  # fmt: skip


def test_an_answer_says_nothing_and_a_bug_stays_one() -> None:
    """Only refusals are counted; no other exception is taken for an answer."""
    log = Log()
    assert logged_decision(lambda: "answer", log) == "answer"
    with pytest.raises(ZeroDivisionError):
        logged_decision(lambda: 1 / 0, log)
    assert log.lines == []
    assert logged_decision(invalid_key, log, route="r") == invalid_key()
    assert log.lines[-1] == ("count", "Refused", {"code": Code.INVALID_KEY.value})
