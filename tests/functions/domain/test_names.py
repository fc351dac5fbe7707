"""The refusal of a name that breaks the rule."""

from functions.domain.names import wrong_name
from shared.refusals import Code


def test_the_refusal_names_the_field() -> None:
    """A client that sends several names learns which one is wrong."""
    refused = wrong_name("region")

    assert (refused.code, refused.status) == (Code.INVALID_REQUEST, 400)
    assert '"region"' in refused.error
