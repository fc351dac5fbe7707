"""A function's environment as its settings."""

from functions.edge.settings import FunctionSettings


def test_what_is_not_set_has_its_default() -> None:
    """An empty variable counts as one that is not there, where nothing could be meant by it."""
    bare = FunctionSettings.from_environment({"WATCH_RATE": "", "WEBHOOK_REACH": ""})

    assert bare == FunctionSettings()


def test_our_region_comes_before_that_of_aws() -> None:
    """A stack may call its region as its nodes do."""
    names = {"SLUICE_REGION": "eu", "AWS_REGION": "eu-central-1"}

    assert FunctionSettings.from_environment(names).region == "eu"
    assert FunctionSettings.from_environment({"AWS_REGION": "eu-central-1"}).region == "eu-central-1"
