"""What an owner does to the account's webhook: sets, rotates, tests and removes it.

Its secret is in the answer that made it and nowhere else: here it is derived (`functions.domain.webhook`). A test is an event
like any other, on the way that all of them take, so that it proves that way; how it went is at `last`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil

from functions.account.models.webhook import (
    LastDelivery,
    RotateWebhookRequest,
    SetWebhookRequest,
    WebhookReply,
    WebhookSecret,
    WebhookTest,
)
from functions.domain.accounts import Account
from functions.domain.destinations import Reach, destination
from functions.domain.events import AccountEvent
from functions.domain.stores import TokenBuckets, WebhookStore
from functions.domain.webhook import Webhook, derived, new_salt, shown, tested
from shared.keys import RandomBytes
from shared.rate import Rate
from shared.refusals import Refused, invalid_request, not_found, rate_limited, unavailable

TESTS = Rate(5, 12)
"""Tests of one account: five at once, and one more every 12 s. It is our address that the receiver sees."""


class OwnedWebhook:
    """Changes the webhook of the owner's account, and has it tested.

    *master* reads the master secret, given the time; *reach* is how far webhooks may go.
    """

    def __init__(
        self,
        store: WebhookStore,
        throttle: TokenBuckets,
        master: Callable[[float], bytes],
        tell: Callable[[Sequence[AccountEvent]], bool],
        reach: Reach,
        random: RandomBytes,
    ) -> None:
        self._store = store
        self._throttle = throttle
        self._master = master
        self._tell = tell
        self._reach = reach
        self._random = random

    def show(self, account: Account, now: float) -> WebhookReply | Refused:
        """The webhook without its secret; `NOT_FOUND` where there is none."""
        found = self._store.read(account.id)
        return _none() if found is None else _reply(found, now)

    def put(self, account: Account, wish: SetWebhookRequest, now: float) -> WebhookReply | Refused:
        """Make the webhook, with a secret; or send the one that there is elsewhere, with the secret that it has."""
        wrong = destination(wish.url, self._reach)
        if isinstance(wrong, str):
            return invalid_request(wrong, "url")
        events = frozenset[str](wish.events) if wish.events else None
        found = self._store.read(account.id)
        if found is not None:
            if not self._store.redirect(found, wish.url, events):
                return _changed()
            return _reply(replace(found, url=wish.url, events=events, last=None), now)
        # Before anything is written: a webhook whose secret nobody was shown would be of no use.
        master = self._master(now)
        made = Webhook(account.id, wish.url, new_salt(self._random), now, events)
        if not self._store.create(made):
            return _changed()
        return _reply(made, now, secret=shown(derived(master, account.id, made.salt)))

    def rotate(self, account: Account, wish: RotateWebhookRequest, now: float) -> WebhookSecret | Refused:
        """Give it another secret; the old one signs beside it for as long as was wish."""
        found = self._store.read(account.id)
        if found is None:
            return _none()
        master = self._master(now)
        until = now + wish.overlap_seconds
        salt = new_salt(self._random)
        if not self._store.rotate(found, salt, until):
            return _changed()
        return WebhookSecret(secret=shown(derived(master, account.id, salt)), old_secret_until=until)

    def delete(self, account: Account) -> WebhookReply | Refused:
        """Remove the webhook, so that not even what waits for another attempt is sent; the webhook as it was."""
        found = self._store.read(account.id)
        if found is None:
            return _none()
        self._store.delete(account.id)
        return _reply(found, found.created)

    def test(self, account: Account, now: float) -> WebhookTest | Refused:
        """Have a test event delivered, on the way of all others and no more often than `TESTS` allows."""
        if self._store.read(account.id) is None:
            return _none()
        wait = self._throttle.take(f"webhook#{account.id}", TESTS, now)
        if wait > 0:
            return rate_limited(ceil(wait))
        return WebhookTest(type="webhook.test", sent_at=now) if self._tell([tested(account.id)]) else unavailable()


def _reply(webhook: Webhook, now: float, secret: str | None = None) -> WebhookReply:
    last, retired = webhook.last, webhook.retired
    return WebhookReply(
        url=webhook.url,
        events=sorted(webhook.events) if webhook.events is not None else None,
        created=webhook.created,
        secret=secret,
        old_secret_until=retired.until if retired is not None and retired.until > now else None,
        last=LastDelivery(at=last.at, type=last.kind, error=last.error or None) if last is not None else None,
    )


def _none() -> Refused:
    return not_found("The account has no webhook.")


def _changed() -> Refused:
    return invalid_request("The webhook was changed meanwhile; look at it and try again.", status=409)
