"""Where each account's webhook is kept: one item beside the account, without anything secret."""

from collections.abc import Mapping

from functions.storage.attributes import Item
from functions.storage.dynamo import Dynamo, Unmet, Update
from functions.storage.shapes import outcome_item, retired_item, webhook_item, webhook_key, webhook_of
from functions.webhook import Outcome, Retired, Webhook

SAME = "salt = :seen"


class Webhooks:
    """Reads and changes webhooks."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self, account: str) -> Webhook | None:
        """The webhook of *account*."""
        item = self._dynamo.get(self._table, webhook_key(account))
        return webhook_of(item) if item else None

    def create(self, webhook: Webhook) -> bool:
        """Write a new webhook; False where the account has one."""
        return self._dynamo.put_new(self._table, webhook_item(webhook))

    def redirect(self, webhook: Webhook, url: str, events: frozenset[str] | None) -> bool:
        """Send *webhook* elsewhere; False where it was made anew meanwhile."""
        names = {"#url": "url", "#last": "last", "#events": "events"}
        if events is None:
            return self._change(webhook, "SET #url = :url REMOVE #last, #events", {":url": url}, names)
        values = {":url": url, ":events": events}
        return self._change(webhook, "SET #url = :url, #events = :events REMOVE #last", values, names)

    def rotate(self, webhook: Webhook, salt: str, until: float) -> bool:
        """Give *webhook* another salt, the old one signing *until* then; False where somebody else was faster."""
        return self._change(
            webhook,
            "SET salt = :salt, retired = :retired",
            {":salt": salt, ":retired": retired_item(Retired(webhook.salt, until))},
        )

    def note(self, webhook: Webhook, outcome: Outcome) -> None:
        """Keep how the last delivery went."""
        self._change(webhook, "SET #last = :last", {":last": outcome_item(outcome)}, {"#last": "last"})

    def delete(self, account: str) -> None:
        """Send nothing more."""
        self._dynamo.delete(self._table, webhook_key(account))

    def _change(self, webhook: Webhook, update: str, values: Item, names: Mapping[str, str] | None = None) -> bool:
        change = Update(
            self._table, webhook_key(webhook.account), update, SAME, names or {}, {**values, ":seen": webhook.salt}
        )
        return not isinstance(self._dynamo.update(change), Unmet)
