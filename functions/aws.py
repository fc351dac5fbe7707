"""Makes AWS clients: one place for retries and time limits. Called by composition roots only."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ssm.client import SSMClient

# The default of ten attempts and a minute of patience outlives the function itself. Three attempts of two seconds
# end well before a client gives up, and the answer then is a 503 that says when to come back.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=2)


def dynamodb() -> "DynamoDBClient":
    """A DynamoDB client; region, credentials and endpoint by botocore's chain."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_CONFIG)
    return client


def ssm() -> "SSMClient":
    """A parameter store client."""
    client: SSMClient = boto3.client("ssm", config=_CONFIG)
    return client
