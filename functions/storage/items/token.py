"""The two items of an account token: one by its digest, and the account's own entry, for whoever removes both."""


def locate_token(digest: str) -> dict[str, str]:
    """Where an account token's item is."""
    return {"pk": f"TOKEN#{digest}", "sk": "TOKEN"}


def locate_own_token(account: str, digest: str) -> dict[str, str]:
    """Where the account's own entry of one of its tokens is, for whoever removes both."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"TOKEN#{digest}"}
