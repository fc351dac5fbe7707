"""The webhook's item: what goes in comes out."""

from functions.domain.pace import Pace
from functions.domain.webhook import Outcome, Retired, Webhook
from functions.storage.attributes import from_item, to_item
from functions.storage.items.webhook import webhook_item, webhook_of


def test_a_webhook_survives_storage() -> None:
    """With everything that may be there, and with nothing of it."""
    bare = Webhook("acme", "https://example.com/hook", "aa", 1.5)
    full = Webhook(
        "acme", "https://example.com/hook", "bb", 1.5, frozenset({"stream.started"}), Retired("aa", 9.5),
        Outcome(2.5, "stream.started", "It answered 500."), Pace(3.5, 2, 4.5),
    )  # fmt: skip

    assert [webhook_of(from_item(to_item(webhook_item(webhook)))) for webhook in (bare, full)] == [bare, full]
