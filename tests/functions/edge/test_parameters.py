"""The signer's parameters: made, read, kept through failures, and never shown."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from functions.domain.signer import active_key
from functions.edge.parameters import CachedParameter, ParameterUnavailableError

if TYPE_CHECKING:
    from shared.grants import SigningKey


class Store:
    """A parameter store that can be away."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.away = False
        self.reads = 0

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Any:  # noqa: N803 - the client's names
        """Answer as SSM does, and count the call."""
        assert (Name, WithDecryption) == ("/signer", True)
        self.reads += 1
        if self.away:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")
        return {"Parameter": {"Value": self.value}}


def test_a_parameter_is_read_once_in_five_minutes() -> None:
    """A request does not read it again."""
    store = Store("1")
    parameter: CachedParameter[int] = CachedParameter(store, "/signer", int)

    assert [parameter.value(now) for now in (0, 1, 299)] == [1, 1, 1]
    store.value = "2"
    assert parameter.value(301) == 2
    assert store.reads == 2


def test_the_last_good_value_outlives_failures() -> None:
    """A throttled or emptied parameter does not stop admission; it is tried again every ten seconds."""
    store = Store("1")
    parameter: CachedParameter[int] = CachedParameter(store, "/signer", int)
    parameter.value(0)

    store.away = True
    assert [parameter.value(now) for now in (301, 305, 312)] == [1, 1, 1]
    assert store.reads == 3
    store.away, store.value = False, "nonsense"
    assert parameter.value(330) == 1
    store.value = "2"
    assert parameter.value(350) == 2


def test_without_any_value_there_is_no_signing() -> None:
    """The function then answers 503."""
    store = Store("1")
    store.away = True
    parameter: CachedParameter[SigningKey] = CachedParameter(store, "/signer", active_key)

    with pytest.raises(ParameterUnavailableError):
        parameter.value(0)
