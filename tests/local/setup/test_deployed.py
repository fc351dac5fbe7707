"""A deployed stack is found by its name and described as tests take it; CloudFormation's answers are stubbed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local import bootstrap
from local.aws.document import load
from local.process.processes import ROOT
from local.setup import deployed
from local.setup.environments import SetupError

STACK = {
    "StackName": "sluice",
    "CreationTime": "2026-11-24T15:00:00Z",
    "StackStatus": "UPDATE_COMPLETE",
    "Outputs": [{"OutputKey": name, "OutputValue": f"the {name}"} for name in deployed.OUTPUTS.values()],
}


def described(*, error: str = "", **changes: Any) -> dict[str, str]:
    """The description of STACK with *changes*, or of none."""
    client = boto3.client("cloudformation", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubbed:
        if error:
            stubbed.add_client_error(
                "describe_stacks", "ValidationError", error, expected_params={"StackName": "sluice"}
            )
        else:
            stubbed.add_response("describe_stacks", {"Stacks": [STACK | changes]}, {"StackName": "sluice"})
        return deployed.describe(client, "sluice", "eu-central-1")


def test_outputs_become_what_tests_read() -> None:
    """Every output that tests need is one that the template has."""
    assert described() == {
        "api": "the ApiUrl", "queue": "the UsageQueueUrl", "accounts_table": "the AccountsTableName",
        "fleet_table": "the FleetTableName", "stack": "sluice", "region": "eu-central-1",
        "dynamodb": "https://dynamodb.eu-central-1.amazonaws.com",
    }  # fmt: skip
    assert set(deployed.OUTPUTS.values()) <= set(load((ROOT / "template.yaml").read_text())["Outputs"])


def test_what_is_wrong_with_a_stack_is_a_sentence() -> None:
    """Not there, not whole, not ours."""
    with pytest.raises(SetupError, match=r"eu-central-1 does not show the stack sluice: .*Stack with id sluice"):
        described(error="Stack with id sluice does not exist")
    with pytest.raises(SetupError, match="is CREATE_IN_PROGRESS; deploy it first"):
        described(StackStatus="CREATE_IN_PROGRESS")
    with pytest.raises(SetupError, match="has no output ApiUrl; is it Sluice's"):
        described(Outputs=[each for each in STACK["Outputs"] if each["OutputKey"] != "ApiUrl"])  # type: ignore[index]


def test_nothing_is_asked_without_credentials(tmp_path: Path) -> None:
    """A sentence, and no traceback."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "local.setup.deployed", "sluice", str(tmp_path / "file.json")]

    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("There are no AWS credentials here")
    assert done.stderr.count("\n") == 1


def test_make_test_aws_asks_for_a_stack(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is installed or asked."""
    monkeypatch.delenv("STACK", raising=False)

    assert bootstrap.main(["test-aws"]) == 1
    assert capsys.readouterr().out == "Say which stack: make test-aws STACK=sluice\n"
