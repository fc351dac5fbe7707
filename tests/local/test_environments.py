"""What is installed when, with real virtual environments where it matters, and without a network."""

import importlib
import importlib.util
import subprocess
import tomllib
from pathlib import Path

import pytest

from local import environments
from local.environments import DEV, EMULATOR, LOCAL, ROOT, SFU, Environment, SetupError, prepare


@pytest.fixture(name="root")
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two requirement files that ask for nothing, one of which includes the other."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\ndev = ["a==1"]\n')
    (tmp_path / "edge").mkdir()
    (tmp_path / "shared.txt").write_text("# nothing\n")
    (tmp_path / "edge" / "requirements.txt").write_text("-r ../shared.txt\n")
    return tmp_path


EDGE = Environment(".venv-edge", ("edge/requirements.txt",))


def test_every_environment_names_files_that_exist() -> None:
    """And the hash of each can be computed."""
    assert len({environment.wanted() for environment in (LOCAL, SFU, EMULATOR, DEV)}) == 4


def test_an_included_file_counts(root: Path) -> None:
    """A pin that moves in shared/ is installed again in everything that includes it."""
    before = EDGE.wanted()
    (root / "shared.txt").write_text("# something\n")
    assert EDGE.wanted() != before


def test_a_dependency_group_counts(root: Path) -> None:
    """The group's pins are part of the hash, and of what is installed."""
    environment = Environment(".venv-x", (), ("dev",))
    before = environment.wanted()
    (root / "pyproject.toml").write_text('[dependency-groups]\ndev = ["a==2"]\n')
    assert environment.wanted() != before
    assert environment.listed() == ["a==2"]


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
    environment = Environment(".venv-edge", ("edge/requirements.txt",), commands=True)
    prepare([EDGE], lambda _: None)
    script = root / ".venv-edge" / "bin" / "sluice"
    assert not script.exists()
    (root / "functions" / "admin").mkdir(parents=True)
    (root / "functions" / "admin" / "cli.py").write_text("def console(home):\n    print(home)\n    return 3\n")
    said: list[str] = []
    prepare([environment], said.append)
    done = subprocess.run([script], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, said) == (3, f"{root}\n", [])


def test_the_project_names_the_same_command() -> None:
    """For those who install it with pip or pipx: the same function, and the pins of what it imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["sluice"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    pins = {
        line.strip()
        for file in ("functions/requirements.txt", "shared/requirements.txt")
        for line in (ROOT / file).read_text().splitlines()
    }
    assert set(project["dependencies"]) <= pins


def test_what_pip_says_is_passed_on(root: Path) -> None:
    """A requirement that does not exist ends in a sentence with pip's last lines, and nothing is stamped."""
    (root / "shared.txt").write_text("./no-such-folder\n")
    with pytest.raises(SetupError, match=r"\.venv-edge could not be installed[\s\S]*no-such-folder"):
        prepare([EDGE], lambda _: None)
    assert not EDGE.is_current()


@pytest.mark.usefixtures("root")
def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's python3 comes without ensurepip."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"apt-get install python3\.\d+-venv"):
        prepare([EDGE], lambda _: None)
