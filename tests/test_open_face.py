"""What a stranger needs to use, report and send back: it is there, and it says the same everywhere."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.public.api.openapi import document
from tests.repository import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "operator/README.md")
CONFIGURATION = (
    ".pre-commit-config.yaml",
    ".github/dependabot.yml",
    ".github/workflows/ci.yml",
    ".github/ISSUE_TEMPLATE/bug.yml",
    ".github/ISSUE_TEMPLATE/config.yml",
    ".github/ISSUE_TEMPLATE/feature.yml",
)
OTHERS = ("LICENSE", ".editorconfig", ".gitattributes", ".github/pull_request_template.md")
PROJECTS = (Path("pyproject.toml"), Path("operator/pyproject.toml"))
REQUIREMENTS = ("requirements.txt", "emulator.txt", "demo.txt")
"""What pins of a folder are called, beside pyproject.toml."""
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def tracked() -> list[Path]:
    """The files that the repository holds, or will hold with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def project(file: Path) -> dict[str, Any]:
    """The metadata that *file* states."""
    found: dict[str, Any] = tomllib.loads((ROOT / file).read_text())["project"]
    return found


def loaded(file: str) -> Any:
    """What the YAML of *file* says."""
    return yaml.safe_load((ROOT / file).read_text())


@pytest.mark.parametrize("name", [*PAGES, *CONFIGURATION, *OTHERS])
def test_it_is_there(name: str) -> None:
    """And there is something in it."""
    assert (ROOT / name).read_text().strip()


@pytest.mark.parametrize("name", CONFIGURATION)
def test_configuration_is_yaml(name: str) -> None:
    """The host of the repository would only say so after it was pushed."""
    assert isinstance(loaded(name), dict)


@pytest.mark.parametrize("name", PAGES)
def test_links_of_the_pages_lead_somewhere(name: str) -> None:
    """Every relative link is a file of the repository."""
    page = ROOT / name
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_the_licence_is_named_equally() -> None:
    """Its text is Apache's, each project names it and brings it along, and people read of it."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    for file in PROJECTS:
        stated = project(file)
        assert (stated["license"], stated["license-files"]) == ("Apache-2.0", ["LICENSE"])
        assert not [one for one in stated["classifiers"] if one.startswith("License ::")], "PEP 639 has it once"
        assert (ROOT / file).with_name("LICENSE").read_text() == text
    assert json.loads((ROOT / "package.json").read_text())["license"] == "Apache-2.0"
    assert tomllib.loads((ROOT / "tests/clients/native/Cargo.toml").read_text())["package"]["license"] == "Apache-2.0"
    assert "(LICENSE)" in (ROOT / "CONTRIBUTING.md").read_text()


def test_one_version_everywhere() -> None:
    """The changelog's head, both projects and the API's own document."""
    versions = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert versions
    assert versions == sorted(versions, key=lambda each: [int(part) for part in each.split(".")], reverse=True)
    assert {project(file)["version"] for file in PROJECTS} == {versions[0]}
    assert document()["info"]["version"] == versions[0]


def test_a_change_is_a_line_of_the_changelog() -> None:
    """Under a heading that Keep a Changelog knows, and in a sentence."""
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    lines = text.partition("\n## ")[2].splitlines()

    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert [line for line in lines if line.startswith("- ") and not line.endswith(".")] == []


def test_dependabot_looks_at_every_folder_with_pins() -> None:
    """Of Python's packages, npm's and the image; and at the workflow's actions."""
    updates = {update["package-ecosystem"]: update for update in loaded(".github/dependabot.yml")["updates"]}
    files = [path for path in tracked() if path.name in {*REQUIREMENTS, "pyproject.toml"}]

    assert set(updates["pip"]["directories"]) == {"/" + path.parent.as_posix().removeprefix(".") for path in files}
    assert (ROOT / updates["npm"]["directory"].strip("/") / "package-lock.json").exists()
    assert (ROOT / updates["docker"]["directory"].strip("/") / "Dockerfile").exists()
    assert updates["github-actions"]["directory"] == "/"


def test_the_workflow_calls_what_anybody_can_call() -> None:
    """One script, which can be run, on Pythons that the project says it runs on, with no right to write."""
    workflow = loaded(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    supported = {one.rpartition(" ")[2] for one in project(PROJECTS[0])["classifiers"] if ":: Python :: 3." in one}

    assert commands == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(job["strategy"]["matrix"]["python"]) <= supported
    assert project(PROJECTS[0])["requires-python"].removeprefix(">=") in job["strategy"]["matrix"]["python"]


def test_ci_names_nothing_beside_the_repository() -> None:
    """What it needs from elsewhere is named to it (MEDIAMTX), and what it leaves out it says."""
    script = (ROOT / ".ci" / "run").read_text()
    to_the_root = 'cd "$(dirname "${BASH_SOURCE[0]}")/.."'
    commands = [line for line in script.replace(to_the_root, "").splitlines() if not line.startswith("#")]

    assert to_the_root in script
    assert [line for line in commands if ".." in line or re.search(r"[\s='\"]/\w", line)] == []
    assert re.search(r'echo "MEDIAMTX is not set: .* left out\."', script)


def test_hooks_fetch_nothing() -> None:
    """They run what `make lint` installs, so that a hook and the lint never disagree about a version."""
    hooks = [hook for repo in loaded(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]

    assert {repo["repo"] for repo in loaded(".pre-commit-config.yaml")["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {"ruff-check", "ruff-format", "lint"} <= {hook["id"] for hook in hooks}


@pytest.mark.parametrize("package", ["functions", "shared", "sfu", "local", "operator/sluice"])
def test_packages_say_that_they_are_typed(package: str) -> None:
    """PEP 561: the types of what is imported are believed."""
    assert (ROOT / package / "py.typed").exists()


def test_every_move_is_passed_over_by_blame() -> None:
    """The commits that CONTRIBUTING.md speaks of are there."""
    named = re.findall(r"^[0-9a-f]{40}$", (ROOT / ".git-blame-ignore-revs").read_text(), re.MULTILINE)

    assert named
    assert "blame.ignoreRevsFile .git-blame-ignore-revs" in (ROOT / "CONTRIBUTING.md").read_text()


def test_text_files_end_their_lines_as_stated() -> None:
    """By LF, but for bytes that tests compare with."""
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, text=True, check=True)
    wrong = [line for line in listed.stdout.splitlines() if "i/crlf" in line or "i/mixed" in line]

    assert [line for line in wrong if "attr/-text" not in line] == []
