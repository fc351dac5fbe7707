"""An API to speak to, and the worlds of functions/, which read the parameters that the command writes."""

from collections.abc import Iterator

import pytest

from tests.functions.conftest import node, session, world
from tests.operator.sluice.fake_api import FakeApi, running

__all__ = ["node", "session", "world"]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A running API, and credentials in the environment to sign for it with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with running() as made:
        yield made
