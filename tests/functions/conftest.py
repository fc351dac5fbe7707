"""A fresh world for every test of functions/."""

import os
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.functions.policies import granted, used
from tests.functions.world import SETTINGS, Beating, World


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """What clients are made from; reading botocore's models is what costs in a new one."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, session: boto3.Session) -> Iterator[World]:
    """The functions over an empty store."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)  # moto forgets it with every mock
        made = World()
        yield made
        if os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
            # Another emulator (`make test-second-emulator`) keeps them for the next test.
            for table in made.client.list_tables()["TableNames"]:
                made.client.delete_table(TableName=table)
        for function, calls in made.calls.items():
            assert used(calls, SETTINGS) <= granted(function), f"{function} does what its policy does not allow"


@pytest.fixture
def node(world: World) -> Beating:
    """A node that has been heard of."""
    beating = Beating()
    assert world.beat(beating).status == 200
    return beating
