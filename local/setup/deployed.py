"""A stack deployed to AWS, described as stack.json describes a local one, so that the same tests run against it.

    python -m local.setup.deployed STACK FILE

asks CloudFormation with the credentials and the region that boto3 finds.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.setup.environments import SetupError

OUTPUTS = {
    "api": "ApiUrl",
    "queue": "UsageQueueUrl",
    "accounts_table": "AccountsTableName",
    "fleet_table": "FleetTableName",
}
"""What tests need of template.yaml's outputs, by its name in the description."""
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def describe(cloudformation: Any, name: str, region: str) -> dict[str, str]:
    """What tests need to know of the stack *name*. Raises `SetupError` where it is not there, or not ours."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        raise SetupError(f"CloudFormation in {region} does not show the stack {name}: {error}") from error
    except BotoCoreError as error:
        raise SetupError(f"CloudFormation in {region} cannot be asked: {error}") from error
    if stack["StackStatus"] not in _WHOLE:
        raise SetupError(f"The stack {name} is {stack['StackStatus']}; deploy it first (docs/deploy.md).")
    outputs: dict[str, str] = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    missing = sorted(set(OUTPUTS.values()) - set(outputs))
    if missing:
        raise SetupError(f"The stack {name} has no output {', '.join(missing)}; is it Sluice's control plane?")
    return {
        **{ours: outputs[theirs] for ours, theirs in OUTPUTS.items()},
        "stack": name,
        "region": region,
        "dynamodb": f"https://dynamodb.{region}.amazonaws.com",
    }


def session() -> boto3.Session:
    """A session with the credentials and the region that boto3 finds. Raises `SetupError` where one is missing."""
    found = boto3.Session()
    if found.get_credentials() is None:
        raise SetupError(
            "There are no AWS credentials here: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if found.region_name is None:
        raise SetupError("No AWS region is set: set AWS_REGION to the stack's.")
    return found


def main(name: str, file: Path) -> int:
    """Write the description of the stack *name* to *file*; the exit code."""
    try:
        found = session()
        described = describe(found.client("cloudformation"), name, str(found.region_name))
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201  # a program's word to its user
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(described, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
