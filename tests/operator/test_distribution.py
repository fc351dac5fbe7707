"""`pip install ./operator` brings the command and nothing else of this repository."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import botocore
import flit_core.buildapi
import pytest

from local.setup.environments import ROOT

OPERATOR = ROOT / "operator"


@pytest.fixture(scope="module", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution as pip would install it, built by the backend that it names; nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(OPERATOR)
        name: str = flit_core.buildapi.build_wheel(str(folder))
        return folder / name


def test_it_contains_one_package(wheel: Path) -> None:
    """Every module of the command, py.typed and the licence; no `functions`, no `shared`."""
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    own = {name for name in names if ".dist-info/" not in name}

    assert own == {
        path.relative_to(OPERATOR).as_posix()
        for path in (OPERATOR / "sluice").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "sluice/py.typed" in own
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_is_installed_runs_alone(wheel: Path, tmp_path: Path) -> None:
    """In an environment and a folder from which nothing of the repository can be imported but the command."""
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        fresh / "bin" / "python",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", wheel], check=True)
    (packages,) = (fresh / "lib").glob("python*/site-packages")
    brought = {path.name for path in packages.iterdir()}
    # What it depends on is taken from the environment of the tests, which no network is needed for.
    (packages / "tests.pth").write_text(f"{Path(botocore.__file__).parents[1]}\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def runs(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert brought == {"sluice", "sluice-0.2.0.dist-info"}
    helped = runs(fresh / "bin" / "sluice", "--help")
    assert (helped.returncode, "accounts list" in helped.stdout, helped.stderr) == (0, True, "")
    for other in ("functions", "shared", "local", "sfu"):
        assert "ModuleNotFoundError" in runs(fresh / "bin" / "python", "-c", f"import {other}").stderr


def test_it_asks_for_what_it_imports_at_the_versions_that_are_tested() -> None:
    """Its dependencies are pins of the control plane, without those that only functions need."""
    project = tomllib.loads((OPERATOR / "pyproject.toml").read_text())["project"]
    pins = {
        line.strip()
        for file in ("functions/requirements.txt", "shared/requirements.txt")
        for line in (ROOT / file).read_text().splitlines()
    }

    assert set(project["dependencies"]) <= pins
    assert {pin.partition("==")[0] for pin in project["dependencies"]} == {"botocore", "cryptography"}


def test_the_repository_itself_is_no_distribution() -> None:
    """Whoever installs the root gets an error, not packages called `functions` and `shared`."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "build-system" not in root
    assert "scripts" not in root["project"]
    assert root["project"]["dependencies"] == []
    assert "Private :: Do Not Upload" in root["project"]["classifiers"]
