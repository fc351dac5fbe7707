"""The items of a stream key: its own, which a publish reads, and its account's entry of it, which the owner lists."""

from functions.domain.accounts import Audience, Key, Retiring
from functions.storage.attributes import Item
from functions.storage.items.ids import pack, unpack


def locate_key(digest: str) -> dict[str, str]:
    """Where a stream key's item is."""
    return {"pk": f"KEY#{digest}", "sk": "KEY"}


def locate_owned_key(account: str, stream: str) -> dict[str, str]:
    """Where the account's own entry of one of its stream keys is."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"KEY#{stream}"}


def locate_past_key(account: str, stream: str) -> dict[str, str]:
    """Where the entry of a key goes once that key is over, out of the way of those that are not."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"PAST#{stream}"}


def key_item(key: Key) -> Item:
    """A stream key's own item, without what rotations added."""
    return {
        **locate_key(key.digest),
        "account": key.account,
        "stream": key.stream,
        "label": key.label,
        "created": key.created,
        "revoked": key.revoked_at,
        "expires": key.expires_at,
        "protos": key.protocols,
        "hint": key.hint or None,
    }


def key_of(item: Item) -> Key:
    """The key that an item means: the key's own, or the account's entry of it."""
    digest = item.get("digest") or item["pk"].removeprefix("KEY#")
    return Key(
        digest, item["account"], item["stream"], item.get("label", ""), item.get("created", 0),
        item.get("revoked"), item.get("expires"), item.get("protos"), item.get("hint", ""),
        tuple(Retiring(old["d"], old["until"]) for old in item.get("retiring", ())),
        Audience(unpack(item["waits"]["b"]), item["waits"]["t"]) if "waits" in item else None,
    )  # fmt: skip


def owned_item(key: Key) -> Item:
    """The account's entry of a key: what the owner lists, and how metering finds the account's streams."""
    return {
        **key_item(key),
        **locate_owned_key(key.account, key.stream),
        "digest": key.digest,
        "retiring": retiring_item(key) if key.retiring else None,
    }


def past_item(key: Key, ttl: int) -> Item:
    """The entry of a key that is over."""
    return {**owned_item(key), **locate_past_key(key.account, key.stream), "ttl": ttl}


def retiring_item(key: Key) -> list[Item]:
    """The secrets that a key had before, oldest first."""
    return [{"d": old.digest, "until": old.until} for old in key.retiring]


def audience_item(audience: Audience) -> Item:
    """Where viewers wait, on the item of the key that they wait for."""
    return {"b": pack(audience.boot), "t": audience.at}
