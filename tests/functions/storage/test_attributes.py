"""Python values as DynamoDB attribute values: what goes in comes out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.storage.attributes import from_attribute, from_item, to_attribute, to_item

SCALARS = (
    st.booleans()
    | st.text(max_size=8)
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e9, 1e9)
    | st.binary(max_size=8)
    | st.frozensets(st.text(max_size=4), min_size=1, max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_survives_storage(value: Any) -> None:
    """Numbers too: a whole one comes back as int, which equals it."""
    assert from_attribute(to_attribute(value)) == value


def test_none_is_left_out_of_items() -> None:
    """An attribute that is not there takes no space."""
    assert from_item(to_item({"there": 1.0, "not": None})) == {"there": 1}


def test_what_dynamodb_cannot_hold_is_refused() -> None:
    """A type that nobody decided on is a bug."""
    with pytest.raises(TypeError):
        to_attribute(object())
