"""The command line: what it asks the API for, what it shows, and its exit codes."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from functions.admin.cli import Call, main, parser, table
from functions.signer import active_key
from functions.webhook import master_of
from shared.verifier import Verifier


class Api(BaseHTTPRequestHandler):
    """An API that answers what it is told to, and remembers what it was asked."""

    asked: list[tuple[str, str, str, bytes]] = []  # noqa: RUF012 - http.server makes the instances
    answer: tuple[int, Any] = (200, {})

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Api.asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
        status, answer = Api.answer
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A running API."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    Api.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out, err), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("accounts list", Call("GET", "accounts")),
        ("accounts show a/b", Call("GET", "accounts/a%2Fb")),
        ("accounts create a --tier registered --streams 3",
         Call("POST", "accounts", {"account": "a", "tier": "registered", "overrides": {"streams": 3}})),
        ("accounts set a --tier studio_pro", Call("PATCH", "accounts/a", {"tier": "studio_pro"})),
        ("accounts set a --no-overrides", Call("PATCH", "accounts/a", {"overrides": {}})),
        ("accounts set a --viewers 0", Call("PATCH", "accounts/a", {"overrides": {"viewers": 0}})),
        ("keys list a", Call("GET", "accounts/a/keys")),
        ("keys create a --label x", Call("POST", "accounts/a/keys", {"label": "x"})),
        ("keys revoke a s", Call("DELETE", "accounts/a/keys/s")),
        ("nodes list", Call("GET", "nodes")),
        ("nodes drain n", Call("POST", "nodes/n/drain")),
        ("nodes undrain n", Call("POST", "nodes/n/undrain")),
        ("sessions list", Call("GET", "sessions")),
        ("sessions end s", Call("DELETE", "sessions/s")),
        ("refusals a/b", Call("GET", "accounts/a%2Fb/refusals")),
        ("usage a --month 2026-11", Call("GET", "accounts/a/usage?month=2026-11")),
    ],
)  # fmt: skip
def test_a_command_is_one_call(line: str, call: Call) -> None:
    """Of the operator's API."""
    asked = parser().parse_args(line.split())

    assert asked.call(asked) == call


def test_requests_are_signed(api: str) -> None:
    """For the API's service and region; the body goes along."""
    assert run("--api", api, "keys", "create", "acme")[0] == 0

    ((method, path, authorization, body),) = Api.asked
    assert (method, path, json.loads(body)) == ("POST", "/v1/admin/accounts/acme/keys", {"label": ""})
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/execute-api/aws4_request" in authorization


class CloudFormation(BaseHTTPRequestHandler):
    """DescribeStacks, as AWS answers it: `sluice` has an API, `other` has none, and more there is not."""

    api: ClassVar[str] = ""

    def do_POST(self) -> None:
        """Answer."""
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
        """Say nothing."""


def test_the_api_of_a_deployed_stack_is_found_by_its_name(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the stack's outputs, at the endpoint that AWS's tools are told; where there is none, that is said."""
    CloudFormation.api = api
    with HTTPServer(("127.0.0.1", 0), CloudFormation) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        done = {name: run("--in", name, "nodes", "list") for name in ("sluice", "other", "nowhere")}
        server.shutdown()
        thread.join()

    assert done["sluice"][0] == 0
    assert Api.asked[0][1] == "/v1/admin/nodes"
    assert done["other"] == (1, "", "The stack other has no output ApiUrl; is it Sluice's control plane?\n")
    assert done["nowhere"][0] == 1
    assert done["nowhere"][2].startswith("CloudFormation does not show the stack nowhere: ")
    assert "does not exist" in done["nowhere"][2]


def test_a_refusal_is_told_with_its_code(api: str) -> None:
    """On the error output, with exit code 1."""
    Api.answer = (404, {"error": "There is no such account.", "code": "NOT_FOUND"})
    code, out, err = run("--api", api, "accounts", "show", "nobody")
    Api.answer = (200, {})

    assert (code, out, err) == (1, "", "NOT_FOUND: There is no such account.\n")


def test_json_is_the_answer_as_it_is(api: str) -> None:
    """For programs."""
    Api.answer = (200, {"nodes": [{"node": "n", "extra": 1}]})
    code, out, _ = run("--api", api, "--json", "nodes", "list")
    Api.answer = (200, {})

    assert (code, json.loads(out)) == (0, {"nodes": [{"node": "n", "extra": 1}]})


def test_a_table_lines_up() -> None:
    """Columns as wide as their widest cell; what is missing is a dash."""
    keys = [{"stream": "abc", "label": "studio", "created": 1.5, "revoked_at": None}]

    assert table({"account": "acme", "keys": keys}) == (
        "account       acme\nstream  label   created  revoked_at\nabc     studio  1.5      -"
    )


def test_nothing_to_talk_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, api: str) -> None:
    """2 where no API is named, 3 where it does not answer."""
    monkeypatch.delenv("SLUICE_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    assert run("nodes", "list")[0] == 2
    assert run("--api", "http://127.0.0.1:1", "nodes", "list")[0] == 3
    assert api


def test_a_signer_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both halves, which fit each other, and the webhooks' master secret; a second time nothing is replaced."""
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        assert run("signer", "init", "--stack", "s")[0] == 0
        assert run("signer", "init", "--stack", "s")[0] == 1

        ssm = boto3.client("ssm")
        secret = ssm.get_parameter(Name="/sluice/s/signer", WithDecryption=True)["Parameter"]["Value"]
        public = json.loads(ssm.get_parameter(Name="/sluice/s/jwks")["Parameter"]["Value"])
        webhooks = ssm.get_parameter(Name="/sluice/s/webhooks", WithDecryption=True)["Parameter"]
        # A stack from before there were webhooks gets what it lacks, and nothing else.
        ssm.delete_parameter(Name="/sluice/s/webhooks")
        code, out, _ = run("--json", "signer", "init", "--stack", "s")
        assert (code, json.loads(out)) == (0, {"webhooks": "/sluice/s/webhooks"})
    assert webhooks["Type"] == "SecureString"
    assert len(master_of(webhooks["Value"])) == 32
    assert Verifier(public).kids == {active_key(secret).kid}


def test_a_signer_is_rotated_by_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what it waits for, and `list` shows the new key alone."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "t")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        assert run("signer", "rotate", "--stack", "s")[0] == 1, "there is none yet"
        assert run("signer", "init", "--stack", "s")[0] == 0
        old = json.loads(run("--json", "signer", "list", "--stack", "s")[1])["signing_keys"][0]["kid"]
        out, err = io.StringIO(), io.StringIO()
        waited: list[float] = []
        assert main(["--json", "signer", "rotate", "--stack", "s"], out, err, waited.append) == 0
        shown = run("signer", "list", "--stack", "s")[1]
    (key,) = json.loads(out.getvalue())["signing_keys"]

    assert key["kid"] != old
    assert (key["state"], key["published"]) == ("signing", True)
    assert "it signs in" in err.getvalue()
    assert len(waited) == 2
    assert old not in shown
    assert key["kid"] in shown


def test_the_signer_of_which_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """2 where none is named and none runs here."""
    monkeypatch.chdir(tmp_path)

    assert run("signer", "list")[0] == 2
