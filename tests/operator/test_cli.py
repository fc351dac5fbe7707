"""The command line: what it asks the API for, what it shows, and its exit codes."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.credentials import Credentials
from moto import mock_aws

from functions.admin import models
from functions.domain.signer import active_key
from functions.domain.webhook import master_of
from shared.verifier import Verifier
from sluice.cli import commands, main, parser
from sluice.remote import Call, Place, Wanted, place, refusal
from sluice.tables import SIZES, is_moment, size, size_of, table


class Api(BaseHTTPRequestHandler):
    """An API that answers what it is told to, and remembers what it was asked."""

    asked: list[tuple[str, str, str, bytes]] = []  # noqa: RUF012 - http.server makes the instances
    answer: tuple[int, Any] = (200, {})
    content: bytes = b""
    """In place of the answer's JSON."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Api.asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
        status, answer = Api.answer
        data = Api.content or json.dumps(answer).encode()
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
    assert done["nowhere"][2].startswith("CloudFormation in eu-west-1 does not show the stack nowhere: ")
    assert "does not exist" in done["nowhere"][2]


def test_a_refusal_is_told_with_its_code(api: str) -> None:
    """On the error output, with exit code 1."""
    Api.answer = (404, {"error": "There is no such account.", "code": "NOT_FOUND"})
    code, out, err = run("--api", api, "accounts", "show", "nobody")
    Api.answer = (200, {})

    assert (code, out, err) == (1, "", "NOT_FOUND: There is no such account.\n")


def at(api: str = "https://api.example.com", region_from: str = "AWS_REGION") -> Place:
    """An API that requests are signed for."""
    return Place(api, "eu-west-1", region_from, Credentials("AKIDEXAMPLE", "secret"))


@pytest.mark.parametrize(
    ("status", "said", "to", "needed", "left_out"),
    [
        (403, {"message": "Forbidden"}, at(),
         ["signed for eu-west-1 (AWS_REGION)", "--region", "AKIDEXAMPLE", "AWS_PROFILE", "execute-api:Invoke", "--api"], []),
        (403, {"message": "Forbidden"}, at("https://x.execute-api.eu-west-1.amazonaws.com", "the URL names it"),
         ["AKIDEXAMPLE", "--api"], ["--region"]),
        (403, {"message": "Forbidden"}, at("http://127.0.0.1:8080"), ["leave --api out", ".local/credentials"], []),
        (403, {"message": "Credential should be scoped to a valid region."}, at(), ["--region"], ["AWS_PROFILE", "--api"]),
        (403, {"message": "The security token included in the request is invalid."}, at(), ["AWS_PROFILE"], ["--region"]),
        (403, {"Message": "User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke"}, at(),
         ["execute-api:Invoke on /v1/admin/*"], ["--region"]),
        (403, {"message": "Signature expired: 20261130T000000Z is now earlier than 20261201T000000Z"}, at(), ["clock"], ["--region"]),
        (403, {"message": "Missing Authentication Token"}, at(), ["URL: https://api.example.com", "--api"], ["AWS_PROFILE"]),
        (403, "<html>blocked</html>", at(), ["blocked", "--region", "AWS_PROFILE", "--api"], []),
        (404, {"message": "Not Found"}, at(), ["no operator's API at https://api.example.com", "--api"], []),
        (502, "Bad gateway", at(), ["https://api.example.com answered 502: Bad gateway"], []),
        (403, {"error": "No.", "code": "FORBIDDEN"}, at(), ["FORBIDDEN: No."], ["AWS_PROFILE"]),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_what_to_do(
    status: int, said: Any, to: Place, needed: list[str], left_out: list[str]
) -> None:
    """Region, credentials, clock or URL: the one that AWS's words name, else each that it can be. No secret is told."""
    told = refusal(status, said if isinstance(said, str) else json.dumps(said), to)

    for part in needed:
        assert part in told
    for part in [*left_out, "secret"]:
        assert part not in told


def test_a_bare_403_names_what_was_used(api: str) -> None:
    """API Gateway says no more than Forbidden."""
    Api.answer = (403, {"message": "Forbidden"})
    code, out, err = run("--api", api, "nodes", "list")
    Api.answer = (200, {})

    assert (code, out) == (1, "")
    assert "signed for eu-west-1 (AWS_DEFAULT_REGION or the profile)" in err
    assert "AKIDEXAMPLE" in err


@pytest.mark.parametrize(
    ("environ", "arguments", "region"),
    [
        ({}, (), "eu-west-1"),
        ({"AWS_REGION": "ap-south-1"}, (), "ap-south-1"),
        ({"AWS_REGION": "ap-south-1"}, ("--region", "sa-east-1"), "sa-east-1"),
    ],
)
def test_the_region_that_is_signed_for(
    api: str, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], arguments: tuple[str, ...], region: str
) -> None:
    """As AWS's own tools choose it."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run("--api", api, "nodes", "list", *arguments)[0] == 0
    assert f"/{region}/execute-api/" in Api.asked[-1][2]


@pytest.mark.parametrize("suffix", ["", "/", "/prod", ":443/prod"])
def test_the_region_in_the_url_of_api_gateway_wins(api: str, suffix: str) -> None:
    """It cannot be another one, whatever the profile says."""
    found = place(Wanted(api=f"https://a1b2c3.execute-api.us-west-2.amazonaws.com{suffix}"))
    assert api
    assert isinstance(found, Place)
    assert (found.region, found.region_from) == ("us-west-2", "the URL names it")


def test_the_stack_here_is_signed_for_with_its_own_key(api: str, tmp_path: Path) -> None:
    """Whatever credentials and region the shell has: the environment is full of others here."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps({"api": api, "emulator": api}))
    (tmp_path / ".local" / "credentials").write_text(
        "[default]\naws_access_key_id = LOCAL1\naws_secret_access_key = s\nregion = us-east-1\n"
    )
    out, err = io.StringIO(), io.StringIO()
    assert main(["nodes", "list"], out, err, home=tmp_path) == 0, err.getvalue()
    assert "Credential=LOCAL1/" in Api.asked[-1][2]
    assert "/us-east-1/" in Api.asked[-1][2]


def test_what_is_no_api_is_a_sentence(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a scheme, a page where JSON was expected, a profile that is not there, nobody's credentials."""
    assert run("--api", "api.example.com", "nodes", "list") == (
        2, "", "api.example.com is no URL of an API; it begins with https://, for example https://api.example.com.\n",
    )  # fmt: skip
    monkeypatch.setattr(Api, "content", b"<html>")
    code, _, err = run("--api", api, "nodes", "list")
    assert (code, "not as Sluice's API does" in err) == (1, True)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    code, _, err = run("--api", api, "nodes", "list")
    assert (code, "nobody" in err, "AWS_PROFILE" in err) == (2, True, True)


def test_no_credentials_at_all_is_a_sentence(api: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the variables that would give some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, _, err = run("--api", api, "nodes", "list")
    assert (code, "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID" in err) == (2, True)


def test_json_is_the_answer_as_it_is(api: str) -> None:
    """For programs."""
    Api.answer = (200, {"nodes": [{"node": "n", "extra": 1}]})
    code, out, _ = run("--api", api, "--json", "nodes", "list")
    Api.answer = (200, {})

    assert (code, json.loads(out)) == (0, {"nodes": [{"node": "n", "extra": 1}]})


def test_an_account_is_suspended_resumed_and_deleted(api: str) -> None:
    """By one call each; a deletion that needs more time is asked for again."""
    answers = iter([{"account": "acme"}, {"account": "acme"}, {"done": "deleting"}, {"done": "deleted"}])

    class Next:
        """The answers one after the other."""

        def __get__(self, *_: object) -> tuple[int, Any]:
            return 200, next(answers)

    before, Api.answer = Api.answer, Next()  # type: ignore[assignment]  # a descriptor
    try:
        codes = [run("--api", api, "accounts", verb, "acme")[0] for verb in ("suspend", "resume", "delete")]
    finally:
        Api.answer = before

    assert codes == [0, 0, 0]
    assert [(method, path, body) for method, path, _, body in Api.asked] == [
        ("PATCH", "/v1/admin/accounts/acme", b'{"suspended": true}'),
        ("PATCH", "/v1/admin/accounts/acme", b'{"suspended": false}'),
        *[("DELETE", "/v1/admin/accounts/acme", b"")] * 2,
    ]


def test_a_list_in_pages_is_shown_as_one(api: str) -> None:
    """Each page asked for with what the one before ended with."""
    answers = iter([{"accounts": [{"account": "a"}], "next": "a"}, {"accounts": [{"account": "b"}], "next": None}])

    class Next:
        """The answers one after the other."""

        def __get__(self, *_: object) -> tuple[int, Any]:
            return 200, next(answers)

    before, Api.answer = Api.answer, Next()  # type: ignore[assignment]  # a descriptor
    try:
        code, shown, _ = run("--api", api, "--json", "accounts", "list")
    finally:
        Api.answer = before

    assert (code, [one["account"] for one in json.loads(shown)["accounts"]]) == (0, ["a", "b"])
    assert [path for _, path, _, _ in Api.asked] == ["/v1/admin/accounts", "/v1/admin/accounts?after=a"]


def test_a_table_lines_up() -> None:
    """Columns as wide as their widest cell; what is missing is a dash."""
    keys = [{"stream": "abc", "label": "studio", "created": 1796078523.155, "revoked_at": None}]

    assert table({"account": "acme", "used_bytes": 1_500_000_000, "keys": keys}) == (
        "account       acme\n"
        "used_bytes    1.5 GB\n"
        "stream  label   created               revoked_at\n"
        "abc     studio  2026-11-30T22:42:03Z  -"
    )


def test_every_moment_and_every_size_of_the_api_is_shown_as_one() -> None:
    """A number with a fraction is a moment or a time with its unit in the name, and bytes are called so."""
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, models.Told):
            for name, field in model.model_fields.items():
                if field.annotation in (float, float | None):
                    assert is_moment(name) != name.endswith("_seconds"), f"{model.__name__}.{name}"
                if "bytes" in name:
                    assert name in SIZES, f"{model.__name__}.{name}"
    assert [size(999), size(1000), size(1_234_567), size(5 * 10**12)] == ["999 B", "1 kB", "1.23 MB", "5000 GB"]


def test_a_moment_beyond_the_calendar_is_no_traceback() -> None:
    """It is shown as it came."""
    assert "9e+17" in table({"created": 9e17})


@pytest.mark.parametrize(
    ("text", "count"), [("5000000000", 5 * 10**9), ("5GB", 5 * 10**9), ("1.5 tb", 15 * 10**11), ("0", 0), ("7kB", 7000)]
)
def test_bytes_may_have_a_unit(text: str, count: int) -> None:
    """Powers of 1000, as usage is counted."""
    assert size_of(text) == count
    asked = parser().parse_args(["accounts", "set", "a", "--bytes", text])
    assert asked.call(asked) == Call("PATCH", "accounts/a", {"overrides": {"bytes": count}})


@pytest.mark.parametrize("text", ["plenty", "infGB", "nanGB", "1e999TB", "GB", ""])
def test_what_is_no_size_is_said(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """With one that is; a number without an end is none."""
    assert run("accounts", "set", "a", "--bytes", text)[0] == 2
    assert f"{text} is no number of bytes; 5000000000 is, and 5GB" in capsys.readouterr().err


def test_help_shows_every_command_and_every_argument_is_explained() -> None:
    """`sluice --help` is the whole list; what an option is measured in stands beside it."""
    top = parser()
    listed = top.format_help()
    for name, about in commands(top):
        assert about, f"{name} is not explained"
        assert f"  {name} " in listed
        assert about in listed
        words = [word for word in name.split() if not word.isupper()]
        told = command(*words)
        for action in told._actions:
            assert action.help, f"{name}: {action.dest} is not explained"
    for limit, unit in (("bytes", "GB"), ("kbps", "kbit/s"), ("streams", "at a time"), ("viewers", "at a time")):
        (option,) = [one for one in command("accounts", "set")._actions if one.dest == limit]
        assert unit in str(option.help)


def command(*words: str) -> Any:
    """The parser of one command."""
    found: Any = parser()
    for word in words:
        (below,) = [one for one in found._actions if isinstance(one.choices, dict)]
        found = below.choices[word]
    return found


def test_common_options_may_stand_anywhere(api: str) -> None:
    """Before the command, between its words and behind them."""
    for line in (
        f"--json --api {api} nodes list",
        f"--api {api} nodes --json list",
        f"nodes list --json --api {api}",
        f"nodes --api {api} list --json",
    ):
        code, out, err = run(*line.split())
        assert (code, json.loads(out), err) == (0, {}, ""), line


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
