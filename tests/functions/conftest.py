"""A fresh world for every test of functions/."""

from collections.abc import Iterator

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from tests.functions.policies import granted, used
from tests.functions.world import SETTINGS, Beating, World

_MODELS = create_loader()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The functions over an empty store."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        # moto forgets boto3's default session with every mock, and what costs in a new one is reading the same models.
        session = botocore.session.Session()
        session.register_component("data_loader", _MODELS)
        boto3.setup_default_session(botocore_session=session)
        made = World()
        yield made
        for function, calls in made.calls.items():
            assert used(calls, SETTINGS) <= granted(function), f"{function} does what its policy does not allow"


@pytest.fixture
def node(world: World) -> Beating:
    """A node that has been heard of."""
    beating = Beating()
    assert world.beat(beating).status == 200
    return beating
