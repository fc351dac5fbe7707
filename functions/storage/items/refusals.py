"""The item with the last refusals of a stream key, each as an entry of a few letters."""

from functions.domain.accounts import RefusedPublish
from functions.storage.attributes import Item


def locate_refusals(account: str, stream: str) -> dict[str, str]:
    """Where the last refusals of a stream key are."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"REFUSED#{stream}"}


def refused_publish_item(refusal: RefusedPublish) -> Item:
    """A refusal among the last of its key."""
    return {
        "t": refusal.at,
        "c": refusal.code,
        "p": refusal.protocol,
        "a": refusal.address,
        "w": refusal.problem or None,
    }


def refused_publish_of(stream: str, item: Item) -> RefusedPublish:
    """The refusal of *stream* that an entry of its item means."""
    return RefusedPublish(stream, item["t"], item["c"], item["p"], item["a"], item.get("w", ""))
