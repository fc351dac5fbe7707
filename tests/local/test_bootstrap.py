"""The Makefile's targets, as far as they end at once."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.bootstrap import main
from local.process.processes import ROOT
from local.setup import chromium
from local.setup.environments import SetupError


def test_make_alone_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Each target of the Makefile is explained, and is known to the program."""
    assert main([]) == 0
    explained = capsys.readouterr().out
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    for target in set(phony.split()[1:]) - {"help"}:
        assert f"make {target} " in explained
    assert main(["nonsense"]) == 2


@pytest.mark.parametrize("target", ["up", "demo", "soak", "fuzz", "test-repeat", "bench"])
def test_only_what_make_is_told_counts(tmp_path: Path, target: str) -> None:
    """The user's shell may export the same names for reasons of its own: tcsh and conda set HOST, cloud shells PORT."""
    recorder = tmp_path / "python"
    recorder.write_text("#!/bin/sh\nexec env\n")
    recorder.chmod(0o700)

    def seen(*told: str) -> dict[str, str]:
        environ = os.environ | {
            "HOST": "x86_64-conda-linux-gnu",
            "PORT": "80",
            "SECONDS": "7",
            "SEED": "1",
            "TIMES": "2",
            "AGAINST": "/elsewhere",
            "JSON": "1",
            "ARGS": "-k it",
        }
        command = ["make", "--silent", target, f"PYTHON={recorder}", *told]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True)
        variables = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        names = ("HOST", "PORT", "SECONDS", "SEED", "TIMES", "AGAINST", "JSON", "ARGS")
        return {name: variables[name] for name in names if name in variables}

    assert seen() == {"ARGS": "-k it"}
    assert seen("PORT=9000") == {"ARGS": "-k it", "PORT": "9000"}
    assert seen("SEED=7", "TIMES=3") == {"ARGS": "-k it", "SEED": "7", "TIMES": "3"}
    assert seen("AGAINST=/old", "JSON=it") == {"ARGS": "-k it", "AGAINST": "/old", "JSON": "it"}
    assert seen("HOST=lan", "SECONDS=20") == {"ARGS": "-k it", "HOST": "lan", "SECONDS": "20"}


def test_an_old_python_gets_a_sentence() -> None:
    """The check stands before every import of ours; simulated, because there is no old Python here."""
    code = "import sys; sys.version_info = (3, 9, 2); import runpy; runpy.run_module('local.bootstrap')"
    done = subprocess.run(["python3", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Sluice needs Python 3.11 or newer, and this is 3.9.")


@pytest.mark.usefixtures("stack")
def test_clean_refuses_while_a_stack_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Or it would pull the files from under it."""
    assert main(["clean"]) == 1
    assert "A stack is up (pid " in capsys.readouterr().out


def test_a_missing_chromium_is_a_sentence_with_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """For somebody who is not root; and a wrong CHROMIUM is named."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    def say(text: Any) -> None:
        raise AssertionError(text)

    with pytest.raises(SetupError, match=r"sudo apt-get install .* chromium"):
        chromium.ensure(say)
    monkeypatch.setenv("CHROMIUM", "/no/chrome")
    with pytest.raises(SetupError, match=r"CHROMIUM is /no/chrome, which does not exist"):
        chromium.ensure(say)
