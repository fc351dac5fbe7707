"""SSM's one operation, signed by hand: it must say what boto3's client says."""

import os

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from functions.edge import aws


@pytest.fixture
def name(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A secret parameter, and an environment in which it is found."""
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws_endpoint,
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    made = f"/test/{os.urandom(4).hex()}"
    boto3.client("ssm", endpoint_url=aws_endpoint).put_parameter(Name=made, Value="größe", Type="SecureString")
    return made


def test_a_secret_parameter_is_read(name: str) -> None:
    """It comes decrypted, and as UTF-8 text."""
    assert aws.AwsSession().ssm().get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "größe"


def test_a_missing_parameter_is_botocore_s_error(name: str) -> None:
    """It carries the error code of SSM."""
    with pytest.raises(ClientError) as caught:
        aws.AwsSession().ssm().get_parameter(Name=f"{name}/not", WithDecryption=True)

    assert caught.value.response["Error"]["Code"] == "ParameterNotFound"


def test_a_store_that_is_away_is_botocore_s_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the last good value goes on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")

    with pytest.raises(BotoCoreError):
        aws.AwsSession().ssm().get_parameter(Name=name, WithDecryption=True)
