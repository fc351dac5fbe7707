"""Where the API and the parameters of a stack are found."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest

from sluice.stacks import LOCAL_STACK, local_stack, parameter_store
from tests.operator.sluice.fake_api import FakeApi, run, served


class CloudFormation(BaseHTTPRequestHandler):
    """Answers DescribeStacks as AWS does: the stack `sluice` has an API, `other` has none, and no other exists."""

    api: ClassVar[str] = ""

    def do_POST(self) -> None:
        """Answer a description of stacks."""
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        name = asked["StackName"][0]
        output = f"<member><OutputKey>ApiUrl</OutputKey><OutputValue>{self.api}</OutputValue></member>"
        stack = (
            f"<StackName>{name}</StackName><CreationTime>2026-11-24T00:00:00Z</CreationTime>"
            f"<StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{output if name == 'sluice' else ''}</Outputs>"
        )
        found = (
            f"<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{stack}</member></Stacks>"
            "</DescribeStacksResult></DescribeStacksResponse>"
        )
        lost = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
            f"<Message>Stack with id {name} does not exist</Message></Error></ErrorResponse>"
        )
        status, text = (200, found) if name in {"sluice", "other"} else (400, lost)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing about any request."""


def test_the_api_of_a_deployed_stack_is_found_by_its_name(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation is asked for the stack's outputs; a missing output and a missing stack are each explained."""
    CloudFormation.api = api.url
    with served(CloudFormation) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        done = {name: run("--in", name, "nodes", "list") for name in ("sluice", "other", "nowhere")}

    assert done["sluice"][0] == 0
    assert api.requests[0][1] == "/v1/admin/nodes"
    assert done["other"] == (1, "", "The stack other has no output ApiUrl; is it Sluice's control plane?\n")
    assert done["nowhere"][0] == 1
    assert done["nowhere"][2].startswith("CloudFormation in eu-west-1 does not show the stack nowhere: ")
    assert "does not exist" in done["nowhere"][2]


def written(folder: Path, port: int) -> None:
    """Write in *folder* what `make up` writes of a stack on *port*."""
    folder.mkdir(parents=True)
    (folder / "stack.json").write_text(
        f'{{"api": "http://127.0.0.1:{port}/", "emulator": "http://127.0.0.1:{port + 1}"}}'
    )
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = LOCAL1\naws_secret_access_key = s%s\nregion = us-east-1\n"
    )


def test_the_port_says_which_stack_here_is_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stack on the usual port has its files in .local/, one on another port in a folder named by it."""
    written(tmp_path / ".local", 8080)
    written(tmp_path / ".local" / "9000", 9000)
    monkeypatch.delenv("PORT", raising=False)
    usual = local_stack(tmp_path)
    monkeypatch.setenv("PORT", "9000")
    other = local_stack(tmp_path)
    monkeypatch.setenv("PORT", "9001")

    assert usual is not None
    assert (usual.api, usual.region) == ("http://127.0.0.1:8080", "us-east-1")
    assert other is not None
    assert other.api == "http://127.0.0.1:9000"
    assert local_stack(tmp_path) is None
    assert "s%s" not in repr(other)


def test_the_parameters_of_the_stack_here_are_its_emulator_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment names another SSM and another region, which are not used."""
    written(tmp_path / ".local", 8080)
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    found = parameter_store(None, "eu-west-2", tmp_path)
    assert isinstance(found, tuple)
    client, name = found

    assert name == LOCAL_STACK
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:8081", "us-east-1")


def test_the_signer_of_which_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The exit code is 2 where none is named and none runs here."""
    monkeypatch.chdir(tmp_path)

    assert run("signer", "list")[0] == 2
