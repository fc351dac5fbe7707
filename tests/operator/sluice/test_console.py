"""Commands from the line that is typed to what is printed, with exit codes."""

import io
import json

import boto3
import pytest
from moto import mock_aws

from functions.domain.signer import active_key
from functions.domain.webhook import master_of
from shared.verifier import Verifier
from sluice.console import main
from tests.operator.sluice.fake_api import FakeApi, run


def test_json_is_the_answer_as_it_is(api: FakeApi) -> None:
    """Programs get every field, and nothing but JSON."""
    api.answers = [(200, {"nodes": [{"node": "n", "extra": 1}]})]
    code, out, _ = run("--api", api.url, "--json", "nodes", "list")

    assert (code, json.loads(out)) == (0, {"nodes": [{"node": "n", "extra": 1}]})


def test_a_signer_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`signer init` makes both halves of a key and the webhooks' master secret; a second run replaces nothing."""
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
