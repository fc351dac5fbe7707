"""If-Match, as RFC 9110 has it and as clients send it."""

import pytest

from sfu.signalling.preconditions import IfMatch, if_match


@pytest.mark.parametrize(
    ("field", "outcome"),
    [
        (None, IfMatch.MISSING),
        ("*", IfMatch.HOLDS),
        (' "*" ', IfMatch.HOLDS),
        ('"x"', IfMatch.HOLDS),
        ('"a", "x"', IfMatch.HOLDS),
        ('"a","x" , W/"y"', IfMatch.HOLDS),
        ('W/"x"', IfMatch.FAILS),
        ('"y"', IfMatch.FAILS),
        ("x", IfMatch.FAILS),
        ("", IfMatch.FAILS),
        ('"xx"', IfMatch.FAILS),
        ('W/"*"', IfMatch.FAILS),
    ],
)
def test_1a_35_if_match_is_compared_strongly(field: str | None, outcome: IfMatch) -> None:
    """Lists hold when one tag does; weak tags never; both spellings of the wildcard (docs/conformance.md, 1A.36) always."""
    assert if_match(field, "x") is outcome
