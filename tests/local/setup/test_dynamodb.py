"""DynamoDB Local is found, or missed with a sentence; a stand-in for it, because its licence keeps it out of here."""

import os
import sys
from pathlib import Path

import pytest

from local.setup import dynamodb
from local.setup.environments import SetupError

STAND_IN = f"""#!{sys.executable}
import http.server, sys
port = int(sys.argv[sys.argv.index("-port") + 1])
http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment with something called java and a jar."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(STAND_IN)
    java.chmod(0o755)
    (tmp_path / dynamodb.JAR).touch()
    return {**os.environ, "PATH": str(java.parent), "DYNAMODB_LOCAL": str(tmp_path)}


def test_a_command_runs_beside_it_and_is_told_its_url(installed: dict[str, str], tmp_path: Path) -> None:
    """And its exit code is ours."""
    code = f"import os; open({str(tmp_path / 'url')!r}, 'w').write(os.environ['AWS_ENDPOINT_URL']); raise SystemExit(7)"

    assert dynamodb.run([sys.executable, "-c", code], installed) == 7
    assert (tmp_path / "url").read_text().startswith("http://127.0.0.1:")


def test_what_is_missing_is_named(installed: dict[str, str]) -> None:
    """Java, the folder, or the jar in it."""
    for changes, said in (
        ({"PATH": "/nonexistent"}, "needs Java"),
        ({"DYNAMODB_LOCAL": ""}, "Nothing says where"),
        ({"DYNAMODB_LOCAL": "/nonexistent"}, "is not in /nonexistent"),
    ):
        with pytest.raises(SetupError, match=said):
            dynamodb.command(installed | changes, 1)
