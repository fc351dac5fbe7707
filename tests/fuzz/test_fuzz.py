"""Whatever is sent to the API, its answer is one that the OpenAPI document names, and never a 5xx."""

from typing import Any
from urllib.parse import urlsplit

from local import settings
from tests.fuzz.fuzzing import fuzz, report

SECONDS = 6


def test_no_request_is_answered_otherwise_than_documented(stack: dict[str, Any]) -> None:
    """A short run that begins with the same requests every time, as many as fit into it; `make fuzz` looks for longer, and elsewhere."""
    state = settings.state_directory(urlsplit(stack["api"]).port or 80)

    fuzzer = fuzz(stack["api"], state, seconds=SECONDS, examples=1, number=1)

    assert not fuzzer.problems, report(fuzzer)
    assert fuzzer.asked
