"""One function's process: nothing before the first event, everything once, and each event with its own id and time."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions.edge.execution import ExecutionEnvironment, Resources

HTTP: dict[str, Any] = {"requestContext": {"requestId": "of-the-api"}}


def context(seconds: float) -> Any:
    """Lambda's, with so many *seconds* left."""
    return SimpleNamespace(aws_request_id="of-lambda", get_remaining_time_in_millis=lambda: seconds * 1000)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(name="environment")
def _environment(request: pytest.FixtureRequest) -> ExecutionEnvironment[list[Resources]]:
    # A logger of each test's own: Python keeps one by its name, with the output that it began with.
    return ExecutionEnvironment(request.node.name, lambda given: [given], {"ACCOUNTS_TABLE": "accounts"})


def test_a_function_is_built_at_its_first_event_and_once(environment: ExecutionEnvironment[list[Resources]]) -> None:
    """From the settings of its environment; what it keeps in memory is there at the next event."""
    first = environment.begin(HTTP, context(10))

    assert environment.begin({"Records": []}, context(10)) is first
    assert first[0].settings.accounts_table == "accounts"


def test_nothing_is_read_when_a_handler_is_imported() -> None:
    """A module that cannot be imported without its settings cannot be tested, and takes the log of its failure with it."""
    broken = ExecutionEnvironment("admission", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        broken.begin(HTTP, context(10))


def test_time_is_the_present_event_s(environment: ExecutionEnvironment[list[Resources]]) -> None:
    """What is left of an invocation, less the reserve for the answer."""
    (given,) = environment.begin(HTTP, context(60))
    assert 50 < given.left() < 60

    environment.begin(HTTP, context(8))
    assert 0 < given.left() < 8


@pytest.mark.parametrize(("event", "said"), [(HTTP, "of-the-api"), ({"Records": []}, "of-lambda")])
def test_a_line_of_the_log_names_its_event(
    environment: ExecutionEnvironment[list[Resources]],
    capsys: pytest.CaptureFixture[str],
    event: dict[str, Any],
    said: str,
) -> None:
    """By the id that the API's client was told, or by Lambda's."""
    environment.begin(event, context(10))
    environment.log.event("something happened")

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["correlation_id"] == said
