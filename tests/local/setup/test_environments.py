"""What is installed when, with real virtual environments where it matters, and without a network."""

import hashlib
import importlib
import importlib.util
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from local.setup import environments
from local.setup.environments import (
    DEMO,
    DEV,
    EMULATOR,
    FUNCTIONS,
    LOCAL,
    ROOT,
    SFU,
    Environment,
    SetupError,
    prepare,
)
from local.setup.locks import LOCKS


@pytest.fixture(name="root")
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a lock that asks for nothing."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "edge.lock").write_text("# nothing\n")
    return tmp_path


EDGE = Environment(".venv-edge", "edge.lock")


def test_every_environment_has_a_lock_of_its_own() -> None:
    """Which exists, and is written by `make lock`."""
    made = [environment.lock for environment in (LOCAL, SFU, EMULATOR, DEMO, FUNCTIONS, DEV)]
    assert sorted(made) == sorted(lock.file for lock in LOCKS)
    assert len({environment.wanted() for environment in (LOCAL, SFU, EMULATOR, DEV)}) == 4


def test_a_lock_that_changes_counts(root: Path) -> None:
    """What it names is installed again."""
    before = EDGE.wanted()
    (root / "edge.lock").write_text("# something\n")
    assert EDGE.wanted() != before


def wheel(folder: Path) -> Path:
    """A package with one module, as a file."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny.py", "HERE = True\n")
        file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


@pytest.mark.long
def test_only_what_the_lock_names_to_the_byte_is_installed(root: Path) -> None:
    """Another file under the same name and version is refused, and so is a package without a hash."""
    kept, made = Environment(".venv-edge", "edge.lock", kept=True), wheel(root)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    wrong = digest.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    for line, said in ((f"{made} --hash=sha256:{wrong}", "DO NOT MATCH THE HASHES"), (f"{made}", "hash")):
        (root / "edge.lock").write_text(line + "\n")
        with pytest.raises(SetupError, match=said):
            prepare([kept], lambda _: None)
        assert not kept.is_current()

    (root / "edge.lock").write_text(f"{made} --hash=sha256:{digest}\n")
    prepare([kept], lambda _: None)
    subprocess.run([kept.python, "-c", "import tiny"], check=True)


def test_a_second_run_installs_nothing(root: Path) -> None:
    """The first one makes a working environment; the second one does not even speak."""
    said: list[str] = []
    prepare([EDGE], said.append)
    assert (root / ".venv-edge" / "bin" / "python").exists()
    assert [line.split(" (")[0] for line in said] == ["Installing .venv-edge", "  .venv-edge is ready"]
    said.clear()
    prepare([EDGE], said.append)
    assert said == []


def test_the_operator_s_command_is_there(root: Path) -> None:
    """Also in an environment that was installed before there was one, and it runs the code of this repository."""
    environment = Environment(".venv-edge", "edge.lock", commands=True)
    prepare([EDGE], lambda _: None)
    script = root / ".venv-edge" / "bin" / "sluice"
    assert not script.exists()
    (root / "operator" / "sluice").mkdir(parents=True)
    (root / "operator" / "sluice" / "console.py").write_text("def console(home):\n    print(home)\n    return 3\n")
    said: list[str] = []
    prepare([environment], said.append)
    done = subprocess.run([script], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, said) == (3, f"{root}\n", [])


def test_the_distribution_names_the_same_command() -> None:
    """For those who install it with pip or pipx: the function that the script here calls."""
    project = tomllib.loads((ROOT / "operator" / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["sluice"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    assert f"from {module} import {name}\n" in environments._SLUICE


def test_what_pip_says_is_passed_on(root: Path) -> None:
    """A requirement that does not exist ends in a sentence with pip's last lines, and nothing is stamped."""
    (root / "edge.lock").write_text("./no-such-folder\n")
    with pytest.raises(SetupError, match=r"\.venv-edge could not be installed[\s\S]*no-such-folder"):
        prepare([EDGE], lambda _: None)
    assert not EDGE.is_current()


@pytest.mark.usefixtures("root")
def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's python3 comes without ensurepip."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"apt-get install python3\.\d+-venv"):
        prepare([EDGE], lambda _: None)
