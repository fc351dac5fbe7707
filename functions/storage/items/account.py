"""The item of an account: its tier, its limits, its tokens and its roster of publishing slots.

It is written at every publish, so its slots are compact: one-letter names, and ids of ours as the bytes that they
encode. With 25 slots it stays under 2 KB, two write units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from functions.domain.accounts import Account, Slot, Token, Usage
from functions.domain.quota import ToldMark
from functions.storage.attributes import Item
from functions.storage.items.ids import pack, unpack
from shared.tiers import NO_OVERRIDES, HlsEmbed, Overrides, Tier

SALT_KEY = {"pk": "SALT", "sk": "SALT"}
"""Where the salt is that names anonymous accounts."""
ACCOUNT_LIST = "ACCOUNTS"
"""The partition that lists accounts for operators."""


def locate_account(account: str) -> dict[str, str]:
    """Where an account's item is."""
    return {"pk": f"ACCOUNT#{account}", "sk": "ACCOUNT"}


def account_item(account: Account) -> Item:
    """A new account's item. Its `slots` map must exist, or no path below it can be written."""
    return {
        **locate_account(account.id),
        "tier": account.tier.value,
        "overrides": overrides_item(account.overrides),
        **limits_item(account),
        "slots": {stream: slot_item(slot) for stream, slot in account.slots.items()},
        "ep": account.epoch,
        "created": account.created,
        "suspended": account.suspended or None,
        **tokens_item(account.tokens),
    }


def account_of(item: Item) -> Account:
    """The account that an item means."""
    used = item.get("used", {})
    blocked = item.get("blocked")
    told = item.get("told")
    return Account(
        id=item["pk"].removeprefix("ACCOUNT#"),
        tier=Tier(item["tier"]),
        overrides=overrides_of(item.get("overrides")),
        slots={stream: slot_of(slot) for stream, slot in item["slots"].items()},
        epoch=item["ep"],
        blocked=Usage(blocked, used.get("bytes", 0), item["quota"]) if blocked else None,
        created=item.get("created", 0),
        told=ToldMark(**told) if told else None,
        version=item.get("lv", 0),
        suspended=item.get("suspended", False),
        tokens=(
            Token(item["tk"].hex()),
            *(Token(token["d"].hex(), token["u"]) for token in item.get("tr", ())),
        )
        if "tk" in item
        else (),
    )


def slot_item(slot: Slot) -> Item:
    """A slot of the roster."""
    return {
        "s": pack(slot.session),
        "b": pack(slot.boot),
        "x": slot.expires_at,
        "u": slot.used_at,
        "f": slot.forced or None,
        "k": slot.key_tag or None,
        "w": slot.awaited_until,
    }


def slot_of(item: Item) -> Slot:
    """The slot that an entry of the roster means."""
    return Slot(
        unpack(item["s"]),
        unpack(item["b"]),
        item["x"],
        item.get("u"),
        item.get("f", 0),
        item.get("k", b""),
        item.get("w"),
    )


def overrides_item(overrides: Overrides) -> Item:
    """The overrides that are set."""
    set_ = {field.name: getattr(overrides, field.name) for field in fields(Overrides)}
    return {
        name: str(value) if isinstance(value, HlsEmbed) else value for name, value in set_.items() if value is not None
    }


def overrides_of(item: Mapping[str, Any] | None) -> Overrides:
    """The overrides that an item says."""
    if not item:
        return NO_OVERRIDES
    known = {field.name for field in fields(Overrides)}
    values = {name: value for name, value in item.items() if name in known}
    if "hls_embed" in values:
        values["hls_embed"] = HlsEmbed(values["hls_embed"])
    return Overrides(**values)


def limits_item(account: Account) -> Item:
    """What the conditions of a publish compare with, worked out once a change of tier instead of at every publish."""
    limits = account.limits
    return {"lim": limits.streams, "quota": limits.bytes, "protos": limits.protocols}


def tokens_item(tokens: Sequence[Token]) -> Item:
    """The tokens that open an account: the present one, and those that it replaced."""
    return {
        "tk": bytes.fromhex(tokens[0].tag) if tokens else None,
        "tr": [{"d": bytes.fromhex(token.tag), "u": token.until} for token in tokens[1:]] or None,
    }


def told_item(told: ToldMark) -> Item:
    """Which mark of its quota the account's owner was told of."""
    return {"month": told.month, "quota": told.quota, "percent": told.percent}
