"""The item with the last refusals of a stream key, each as an entry of a few letters."""

from functions.domain.accounts import Noted
from functions.storage.attributes import Item


def locate_refusals(account: str, stream: str) -> dict[str, str]:
    """Where the last refusals of a stream key are."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"REFUSED#{stream}"}


def noted_item(noted: Noted) -> Item:
    """A refusal among the last of its key."""
    return {"t": noted.at, "c": noted.code, "p": noted.protocol, "a": noted.address, "w": noted.problem or None}


def noted_of(stream: str, item: Item) -> Noted:
    """The refusal that such an entry means."""
    return Noted(stream, item["t"], item["c"], item["p"], item["a"], item.get("w", ""))
