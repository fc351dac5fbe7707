"""The compiled fan-out for tests, built where it is not yet. A machine without a compiler has only the Python one to test."""

import os
import shutil
from pathlib import Path
from typing import Final, TypeVar

import pytest

from sfu.native.build import COMPILERS, build
from sfu.native.fanout import Fanout
from sfu.transport.srtp import OPENSSL

_Kind = TypeVar("_Kind", bound=Fanout)
OTHER: Final = "SLUICE_TEST_FANOUT"
"""The environment names another library to test: the sanitized one."""


def compiled(kind: type[_Kind] = Fanout) -> _Kind:  # type: ignore[assignment]  # mypy has no defaults for type variables
    """Built and loaded; whatever goes wrong where there is a compiler is a failure."""
    if other := os.environ.get(OTHER):
        return kind.load(OPENSSL, Path(other))
    if not os.environ.get("CC") and not any(map(shutil.which, COMPILERS)):
        pytest.skip("there is no C compiler here, so nodes send in Python")
    build()
    return kind.load(OPENSSL)
