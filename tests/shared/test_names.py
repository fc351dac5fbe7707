"""What may be a name."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.messages import Name
from shared.names import PATTERN, is_name


@pytest.mark.parametrize("text", ["a", "sfu-1", "eu-west:A.b_2", "n" * 64])
def test_names_are_taken(text: str) -> None:
    """By the function, by the pattern of the API's document and by the models of messages alike."""
    assert is_name(text)
    assert re.search(PATTERN, text)
    assert TypeAdapter(Name).validate_python(text) == text


@pytest.mark.parametrize("text", ["", "n" * 65, "a b", "a/b", "a#b", "é", "a\n", "\x00"])
def test_what_is_no_name_is_not(text: str) -> None:
    """A space, a separator of the table's keys, another script, or too much."""
    assert not is_name(text)
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(text)
