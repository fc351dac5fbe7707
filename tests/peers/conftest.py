"""A server that is not ours, to prove the peers on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.peers.mediamtx import CONFIGURATION, Missing, Running, running


@contextmanager
def started(configuration: str = CONFIGURATION) -> Iterator[Running]:
    """A MediaMTX. Skips where there is none, unless MEDIAMTX says that there is one."""
    try:
        with running(configuration) as found:
            yield found
    except Missing as missing:
        if "MEDIAMTX" in os.environ:
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mediamtx() -> Iterator[str]:
    """The base URL of a MediaMTX."""
    with started() as found:
        yield found.url
