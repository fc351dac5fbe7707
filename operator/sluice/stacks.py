"""Where a stack's API and parameters are: of the stack that `make up` started here, or of one deployed to AWS."""

import json
import os
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from sluice.failures import NO_REGION, NOT_UNDERSTOOD, REFUSED, Failure, aws_failure

LOCAL_STACK = "local"
"""What `make up` calls its stack."""


@dataclass(frozen=True, slots=True)
class LocalStack:
    """The stack of `make up`: its addresses, and the access key that it made for itself."""

    api: str
    emulator: str
    """The URL of what stands for AWS, SSM among it."""
    region: str
    credentials: Credentials = field(repr=False)


def local_stack(home: Path) -> LocalStack | None:
    """What `make up` wrote in the repository *home*; None where no stack is up. PORT=… names one on another port."""
    port = os.environ.get("PORT", "8080")
    folder = home / ".local" / ("" if port == "8080" else port)
    if not (folder / "stack.json").exists():
        return None
    stack = json.loads((folder / "stack.json").read_text())
    file = ConfigParser(interpolation=None)
    file.read(folder / "credentials")
    # Whatever other credentials the environment holds, this stack takes its own.
    own = file["default"]
    credentials = Credentials(own["aws_access_key_id"], own["aws_secret_access_key"])
    return LocalStack(stack["api"].rstrip("/"), stack["emulator"], own["region"], credentials)


def deployed_api(session: botocore.session.Session, stack: str, region: str | None) -> str | Failure:
    """The URL of the API that the CloudFormation stack *stack* names among its outputs."""
    try:
        cloudformation: Any = session.create_client("cloudformation", region or os.environ.get("AWS_REGION"))
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        where = cloudformation.meta.region_name
        return Failure(f"CloudFormation in {where} does not show the stack {stack}: {aws_failure(error).text}", REFUSED)
    urls = [each["OutputValue"] for each in described.get("Outputs", []) if each["OutputKey"] == "ApiUrl"]
    if not urls:
        return Failure(f"The stack {stack} has no output ApiUrl; is it Sluice's control plane?", REFUSED)
    return str(urls[0])


def parameter_store(stack: str | None, region: str | None, home: Path) -> tuple[Any, str] | Failure:
    """A client of the SSM that holds the parameters of *stack*, and the stack's name.

    None means the stack of `make up` in *home*, whose parameters its emulator holds.
    """
    session = botocore.session.get_session()
    if stack is None:
        here = local_stack(home)
        if here is None:
            return Failure("Which stack? Give --stack, or start one here with: make up", NOT_UNDERSTOOD)
        return session.create_client(
            "ssm",
            here.region,
            endpoint_url=here.emulator,
            aws_access_key_id=here.credentials.access_key,
            aws_secret_access_key=here.credentials.secret_key,
        ), LOCAL_STACK
    try:
        return session.create_client("ssm", region or os.environ.get("AWS_REGION")), stack
    except NoRegionError:
        return Failure(NO_REGION, NOT_UNDERSTOOD)
    except BotoCoreError as error:
        return Failure(str(error), NOT_UNDERSTOOD)
