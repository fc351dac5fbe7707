from collections.abc import Iterator

import pytest

from tests.functions.webhooks.receiver import Receiver, receiving


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
