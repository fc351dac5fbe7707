"""The item of a stream: who publishes it now, and what admission of its viewers needs of its account."""

from functions.domain.accounts import Account, Live, Stream, Usage
from functions.storage.attributes import Item
from shared.tiers import Tier


def locate_stream(stream: str) -> dict[str, str]:
    """Where a stream's item is."""
    return {"pk": f"STREAM#{stream}", "sk": "STREAM"}


def stream_item(stream: Stream) -> Item:
    """The item of a new stream."""
    return {
        **locate_stream(stream.id),
        "account": stream.account,
        **stream_limits_item(stream),
        "blocked": usage_item(stream.blocked),
    }


def stream_of(item: Item) -> Stream:
    """The stream that an item means."""
    live, blocked = item.get("live"), item.get("blocked")
    return Stream(
        id=item["pk"].removeprefix("STREAM#"),
        account=item["account"],
        tier=Tier(item["tier"]),
        max_viewers=item["viewers"],
        max_kbps=item["kbps"],
        protocols=item["protos"],
        blocked=Usage(**blocked) if blocked else None,
        live=Live(**live | {"problems": tuple(live.get("problems", ()))}) if live else None,
        problems=tuple(item.get("problems", ())),
    )


def carried_item(account: Account) -> Item:
    """What a stream carries of its account. None stands for an attribute that is not there."""
    limits = account.limits
    return {
        "tier": account.tier.value,
        "viewers": limits.viewers,
        "kbps": limits.kbps,
        "protos": limits.protocols,
        "blocked": usage_item(account.blocked),
        "lv": account.version,
    }


def stream_limits_item(stream: Stream) -> Item:
    """What a stream carries of its account's limits."""
    return {
        "tier": stream.tier.value,
        "viewers": stream.max_viewers,
        "kbps": stream.max_kbps,
        "protos": stream.protocols,
    }


def usage_item(usage: Usage | None) -> Item | None:
    """The month's use that a block is for."""
    return None if usage is None else {"month": usage.month, "used": usage.used, "quota": usage.quota}


def live_item(live: Live) -> Item:
    """A running session on its stream's item."""
    return {
        "session": live.session,
        "node": live.node,
        "boot": live.boot,
        "epoch": live.epoch,
        "viewers": live.viewers,
        "since": live.since,
        "problems": list(live.problems) or None,
    }
