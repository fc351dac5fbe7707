"""The image runs what the tests run. No daemon builds it here, so its file is read as Docker would read it."""

import ast
import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from local.setup.environments import SFU

ROOT = Path(__file__).parents[2]


def _instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments, comments dropped and continued lines joined (Dockerfile reference, "Format")."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    pairs = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(name.upper(), " ".join(rest.split())) for name, _, rest in pairs]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order."""
    return _instructions((ROOT / "sfu/Dockerfile").read_text())


def _last_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    starts = [index for index, (name, _) in enumerate(instructions) if name == "FROM"]
    return instructions[starts[-1] :]


def _ignored(path: str) -> bool:
    """Whether the build context lacks *path*: the last pattern that matches decides."""
    ignored = False
    for line in (ROOT / "sfu/Dockerfile.dockerignore").read_text().splitlines():
        pattern, keep = line.removeprefix("!"), line.startswith("!")
        parts = path.split("/")
        candidates = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if any(fnmatch(candidate, pattern.replace("**/", "*")) for candidate in candidates):
            ignored = not keep
    return ignored


def test_everything_that_is_copied_exists_and_is_in_the_build_context(instructions: list[tuple[str, str]]) -> None:
    """A COPY of a missing or ignored file would fail only at the build."""
    copied = [
        source
        for name, arguments in instructions
        if name == "COPY" and "--from" not in arguments
        for source in arguments.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert not _ignored(source.rstrip("/"))


def test_the_image_holds_only_what_the_node_imports(instructions: list[tuple[str, str]]) -> None:
    """`sfu` and what it imports of ours: `shared`, and nothing of the control plane."""
    copied = {
        arguments.split()[0].rstrip("/")
        for name, arguments in _last_stage(instructions)
        if name == "COPY" and "--from" not in arguments
    }
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
        for package in copied
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported & ours == copied == {"sfu", "shared"}


def test_secrets_tests_and_git_stay_outside() -> None:
    """Only the two packages are sent to the builder."""
    for path in (
        ".git/config",
        ".local/stack.json",
        "tests/sfu/test_image.py",
        "functions/x.py",
        "sfu/__pycache__/x.pyc",
    ):
        assert _ignored(path)
    assert not _ignored("sfu/__main__.py")


def test_it_does_not_run_as_root(instructions: list[tuple[str, str]]) -> None:
    """The last USER counts, and a number lets an orchestrator see that it is not root."""
    users = [arguments for name, arguments in _last_stage(instructions) if name == "USER"]
    assert users == ["10001"]


def test_its_command_is_the_one_that_the_tests_start(instructions: list[tuple[str, str]]) -> None:
    """In exec form, so that the node itself gets SIGTERM."""
    commands = [json.loads(arguments) for name, arguments in _last_stage(instructions) if name == "CMD"]
    assert commands == [["python", "-m", "sfu"]]
    assert (ROOT / "sfu/__main__.py").exists()


def test_its_health_check_is_a_module_of_ours(instructions: list[tuple[str, str]]) -> None:
    """The image has no curl."""
    (check,) = [arguments for name, arguments in _last_stage(instructions) if name == "HEALTHCHECK"]
    assert json.loads(check.partition("CMD ")[2]) == ["python", "-m", "sfu.healthcheck"]
    assert (ROOT / "sfu/healthcheck.py").exists()


def test_it_installs_the_requirements_of_the_tests_and_all_of_them_are_pinned(
    instructions: list[tuple[str, str]],
) -> None:
    """One lock says what runs, to the byte, here and there (tests/local/setup/test_locks.py reads it)."""
    installs = [arguments for name, arguments in instructions if name == "RUN" and "pip install" in arguments]
    assert len(installs) == 1
    assert "--require-hashes --requirement /build/sfu/requirements.lock" in installs[0]
    assert SFU.lock == "sfu/requirements.lock"


def test_both_stages_have_the_python_that_lambda_has(instructions: list[tuple[str, str]]) -> None:
    """Python 3.13, in the slim image."""
    images = [arguments.split()[0] for name, arguments in instructions if name == "FROM"]
    assert images == ["python:3.13-slim", "python:3.13-slim"]
