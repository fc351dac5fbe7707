"""The second emulator is built by cargo where there is one, once; else a sentence says what is missing. A stand-in builds."""

import os
import sys
from pathlib import Path

import pytest

from local.setup import dynoxide
from local.setup.environments import SetupError

CARGO = f"""#!{sys.executable}
import pathlib, sys
asked = sys.argv[1:]
assert asked[:4] == ["install", "{dynoxide.CRATE}", "--version", "{dynoxide.VERSION}"] and "--locked" in asked
folder = pathlib.Path(asked[asked.index("--root") + 1]) / "bin"
folder.mkdir(parents=True)
(folder / "dynoxide").touch()
(folder / "asked").write_text("once")
"""


def cargo(folder: Path, text: str) -> dict[str, str]:
    """An environment with a cargo that does what *text* says."""
    program = folder / "bin" / "cargo"
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(0o755)
    return {**os.environ, "PATH": str(program.parent)}


def test_it_is_built_once(tmp_path: Path) -> None:
    """The second time no cargo is needed."""
    made = dynoxide.build(cargo(tmp_path, CARGO), tmp_path / "made")

    assert made == tmp_path / "made" / "bin" / "dynoxide"
    assert dynoxide.build({"PATH": "/nonexistent"}, tmp_path / "made") == made


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Cargo, or what it could not build."""
    with pytest.raises(SetupError, match="built by cargo, and there is none"):
        dynoxide.build({"PATH": "/nonexistent"}, tmp_path)
    with pytest.raises(SetupError, match="could not be built"):
        dynoxide.build(cargo(tmp_path, f"#!{sys.executable}\nraise SystemExit(1)\n"), tmp_path / "made")
