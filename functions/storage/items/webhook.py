"""The item of an account's webhook: where it goes, the salts of its secrets, and how its receiver answers."""

from functions.domain.pace import Pace
from functions.domain.webhook import Outcome, Retired, Webhook
from functions.storage.attributes import Item


def locate_webhook(account: str) -> dict[str, str]:
    """Where an account's webhook is."""
    return {"pk": f"ACCOUNT#{account}", "sk": "WEBHOOK"}


def webhook_item(webhook: Webhook) -> Item:
    """The item of a new webhook."""
    return {
        **locate_webhook(webhook.account),
        "url": webhook.url,
        "salt": webhook.salt,
        "created": webhook.created,
        "events": webhook.events,
        "retired": retired_item(webhook.retired) if webhook.retired else None,
        "last": outcome_item(webhook.last) if webhook.last else None,
        **{name: value or None for name, value in pace_item(webhook.pace).items()},
    }


def webhook_of(item: Item) -> Webhook:
    """The webhook that an item means."""
    retired, last = item.get("retired"), item.get("last")
    return Webhook(
        item["pk"].removeprefix("ACCOUNT#"), item["url"], item["salt"], item["created"], item.get("events"),
        Retired(**retired) if retired else None,
        Outcome(last["t"], last["k"], last.get("e", "")) if last else None,
        Pace(item.get("slow", 0), item.get("tired", 0), item.get("rests", 0)),
    )  # fmt: skip


def pace_item(pace: Pace) -> Item:
    """How the receiver answered lately, on its webhook's item."""
    return {"slow": pace.slow_until, "tired": pace.timeouts, "rests": pace.rests_until}


def retired_item(retired: Retired) -> Item:
    """The salt that a rotation replaced."""
    return {"salt": retired.salt, "until": retired.until}


def outcome_item(outcome: Outcome) -> Item:
    """How the last delivery went."""
    return {"t": outcome.at, "k": outcome.kind, "e": outcome.error or None}
