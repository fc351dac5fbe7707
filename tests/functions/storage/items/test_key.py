"""The stream key's items: what goes in comes out."""

from functions.domain.accounts import Key
from functions.storage.attributes import from_item, to_item
from functions.storage.items.key import key_item, key_of, owned_item


def test_a_key_survives_storage() -> None:
    """The key's own item and the account's entry of it mean the same key."""
    key = Key("d" * 64, "acme", "c" * 16, "studio", 1.5, 2.5, 3.5)

    assert key_of(from_item(to_item(key_item(key)))) == key_of(from_item(to_item(owned_item(key)))) == key
