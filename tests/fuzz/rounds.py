"""A pytest plugin of `make fuzz`: the properties in an order of the seed's, until the time is over.

What the time does not suffice for is skipped, and counted as such: another seed begins with others.
"""

import time
from random import Random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line say when to stop."""
    parser.addoption("--fuzz-until", type=float, required=True, help="seconds since the epoch")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into an order that follows from the seed."""
    Random(config.getoption("--hypothesis-seed")).shuffle(items)  # noqa: S311 - an order that can be repeated, not a secret


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no property after the end."""
    if time.time() >= item.config.getoption("--fuzz-until"):
        pytest.skip("the time is over")
