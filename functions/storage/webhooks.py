"""Where each account's webhook is kept: one item beside the account, without anything secret."""

from collections.abc import Mapping

from functions.domain.pace import Pace
from functions.domain.webhook import Outcome, Retired, Webhook
from functions.storage.attributes import Item
from functions.storage.dynamo import Dynamo, Unmet, Update
from functions.storage.items.webhook import (
    locate_webhook,
    outcome_item,
    pace_item,
    retired_item,
    webhook_item,
    webhook_of,
)

PERMIT_SECONDS = 20.0
"""After which an attempt is over in any case, and its permit with it: longer than an attempt may take."""

SAME = "salt = :seen"
# The attempt that had the permit gave it back, or its time is over.
FREE = "(attribute_not_exists(#permit) OR #permit < :now)"


class Webhooks:
    """Reads and changes the accounts' webhooks, and limits attempts at slow receivers."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self, account: str) -> Webhook | None:
        """The webhook of *account*, or None."""
        item = self._dynamo.get(self._table, locate_webhook(account))
        return webhook_of(item) if item else None

    def create(self, webhook: Webhook) -> bool:
        """Write a new webhook; False where the account has one."""
        return self._dynamo.put_new(self._table, webhook_item(webhook))

    def redirect(self, webhook: Webhook, url: str, events: frozenset[str] | None) -> bool:
        """Send *webhook* elsewhere; False where it was made anew meanwhile."""
        names = {"#url": "url", "#last": "last", "#events": "events"}
        if events is None:
            return self._change(
                webhook, "SET #url = :url REMOVE #last, #events, slow, tired, rests", {":url": url}, names
            )
        values = {":url": url, ":events": events}
        return self._change(
            webhook, "SET #url = :url, #events = :events REMOVE #last, slow, tired, rests", values, names
        )

    def rotate(self, webhook: Webhook, salt: str, until: float) -> bool:
        """Give *webhook* another salt, the old one signing *until* then; False where somebody else was faster."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_webhook(webhook.account),
                "SET salt = :salt, retired = :retired",
                SAME,
                values={
                    ":salt": salt,
                    ":retired": retired_item(Retired(webhook.salt, until)),
                    ":seen": webhook.salt,
                },
            )
        )
        # The same write once more, after an answer that got lost, finds the new salt: a random one, so it is its own.
        return not isinstance(outcome, Unmet) or (outcome.item is not None and outcome.item["salt"] == salt)

    def note(self, webhook: Webhook, outcome: Outcome) -> None:
        """Keep how the last delivery went."""
        self._change(webhook, "SET #last = :last", {":last": outcome_item(outcome)}, {"#last": "last"})

    def slow_down(self, webhook: Webhook, pace: Pace) -> None:
        """Keep that the receiver is slow, for the next function that reads it."""
        self._change(webhook, "SET slow = :slow", {":slow": pace.slow_until})

    def permit(self, webhook: Webhook, now: float) -> str | None:
        """One of the attempts that the receiver may have at a time, for `PERMIT_SECONDS`; None where it has them all."""
        free = [f"p{number}" for number in range(webhook.pace.permits)]
        values = {":until": now + PERMIT_SECONDS, ":now": now, ":seen": webhook.salt}
        while free:
            outcome = self._dynamo.update(
                Update(
                    self._table,
                    locate_webhook(webhook.account),
                    "SET #permit = :until",
                    f"{SAME} AND {FREE}",
                    {"#permit": free[0]},
                    values,
                )
            )
            if not isinstance(outcome, Unmet):
                return free[0]
            taken = outcome.item
            if taken is None or taken["salt"] != webhook.salt:
                return None
            # Never the same twice: what is given back meanwhile is for whoever comes next.
            free = [name for name in free[1:] if taken.get(name, 0) < now]
        return None

    def give_back(self, webhook: Webhook, permit: str, pace: Pace) -> None:
        """End the attempt of *permit*, and keep how the receiver answers now as *pace*."""
        change = Update(
            self._table,
            locate_webhook(webhook.account),
            "SET slow = :slow, tired = :tired, rests = :rests REMOVE #permit",
            SAME,
            {"#permit": permit},
            {":seen": webhook.salt, **{f":{name}": value for name, value in pace_item(pace).items()}},
        )
        self._dynamo.update(change)

    def delete(self, account: str) -> None:
        """Remove the webhook of *account*: nothing more is sent."""
        self._dynamo.delete(self._table, locate_webhook(account))

    def _change(self, webhook: Webhook, update: str, values: Item, names: Mapping[str, str] | None = None) -> bool:
        change = Update(
            self._table, locate_webhook(webhook.account), update, SAME, names or {}, {**values, ":seen": webhook.salt}
        )
        return not isinstance(self._dynamo.update(change), Unmet)
