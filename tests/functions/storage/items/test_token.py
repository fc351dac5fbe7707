"""The items of an account token: two, so that each leads to the other."""

from functions.storage.items.token import locate_own_token, locate_token


def test_the_account_s_entry_names_the_token_s_own() -> None:
    """Whoever deletes an account finds its tokens' items by the digests among its own."""
    own = locate_own_token("acme", "d" * 64)

    assert own["pk"] == "ACCOUNT#acme"
    assert locate_token(own["sk"].removeprefix("TOKEN#")) == locate_token("d" * 64)
