"""A server that is not ours, to prove the peers on."""

import os
from collections.abc import Iterator

import pytest

from tests.peers.mediamtx import Missing, running


@pytest.fixture(scope="session")
def mediamtx() -> Iterator[str]:
    """The base URL of a MediaMTX. Skipped where there is none, unless MEDIAMTX says that there is one."""
    try:
        with running() as found:
            yield found.url
    except Missing as missing:
        if "MEDIAMTX" in os.environ:
            pytest.fail(str(missing))
        pytest.skip(str(missing))
