"""The account's item: what goes in comes out, and slots are compact."""

from functions.domain.accounts import Account, Slot
from functions.storage.attributes import from_item, to_item
from functions.storage.items.account import account_item, account_of, slot_item, slot_of
from shared.tiers import HlsEmbed, Overrides, Tier


def test_a_slot_is_compact() -> None:
    """One-letter names and no empty fields: docs/data-model.md says why."""
    unused = Slot("a" * 26, "b" * 16, 1_795_532_430)
    used = Slot("a" * 26, "b" * 16, 1_795_532_430, 1_795_532_401.25, 2)

    assert set(to_item(slot_item(unused))) == {"s", "b", "x"}
    assert set(to_item(slot_item(used))) == {"s", "b", "x", "u", "f"}
    assert [slot_of(from_item(to_item(slot_item(slot)))) for slot in (unused, used)] == [unused, used]


def test_an_account_survives_storage() -> None:
    """Tier, every override, roster and epoch."""
    overrides = Overrides(1, 2, 3, 4, frozenset({"whip"}), HlsEmbed.ANYWHERE)
    account = Account("acme", Tier.STUDIO_PRO, overrides, {"c" * 16: Slot("a" * 26, "b" * 16, 7)}, 17, created=3)

    assert account_of(from_item(to_item(account_item(account)))) == account
