"""What a target hands on to the programs that it runs."""

import sys

import pytest

from local.setup.environments import ROOT
from local.targets.program import asked, inherited, run


def test_tests_do_not_inherit_what_this_make_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """They call make themselves, and their make is to do what it usually does."""
    monkeypatch.setenv("ARGS", "-k it")
    monkeypatch.setenv("MAKEFLAGS", "-j4")
    monkeypatch.setenv("COVERAGE", "1")
    monkeypatch.setenv("MEDIAMTX", "/opt/mediamtx")

    told = inherited()

    assert told["MEDIAMTX"] == "/opt/mediamtx"
    assert not {"ARGS", "MAKEFLAGS", "COVERAGE"} & set(told)
    assert asked() == ["-k", "it"]


def test_a_program_runs_in_the_root_of_the_repository() -> None:
    """Whatever folder make was called from; its exit code is the target's."""
    code = "import os, sys; sys.exit(3 if os.getcwd() == sys.argv[1] else 4)"

    assert run([sys.executable, "-c", code, str(ROOT)], {}) == 3
