"""The consumer of the webhook queue: what is sent to whom, what comes again and when, and what its owner sees of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from functions.domain.webhook import Outcome, Webhook, derived, master_of, shown
from functions.storage.webhooks import Webhooks
from functions.webhooks.service import DELAYS, GIVEN_UP
from tests.functions.webhooks.receiver import Receiver
from tests.functions.world import World, template

EVENT: dict[str, Any] = {
    "id": "7bf73129", "detail-type": "Stream Started", "source": "sluice", "time": "2026-11-24T15:00:00Z",
    "detail": {"v": 1, "account": "acme", "stream": "q5sm2xr7dcwk3ybh", "stack": "test"},
}  # fmt: skip


def event(account: str, number: int = 0, kind: str = "Stream Started") -> dict[str, Any]:
    """One event of the account *account*."""
    return {**EVENT, "id": f"{account}-{number}", "detail-type": kind, "detail": {"account": account}}


@pytest.fixture(name="store")
def _store(world: World) -> Webhooks:
    return Webhooks(world.dynamo, world.settings.accounts_table)


@pytest.fixture(name="webhook")
def _webhook(store: Webhooks, receiver: Receiver) -> Webhook:
    """The webhook of acme, which points to the receiver."""
    webhook = Webhook("acme", receiver.url, "5a17", created=0)
    assert store.create(webhook)
    return webhook


def secret(world: World, webhook: Webhook) -> str:
    """What the webhook's owner was shown."""
    found = world.ssm.get_parameter(Name=world.settings.webhook_parameter, WithDecryption=True)["Parameter"]["Value"]
    return shown(derived(master_of(found), webhook.account, webhook.salt))


def verify(world: World, webhook: Webhook, receiver: Receiver, number: int = -1) -> Any:
    """What the reference implementation reads from a message, by the clock of this world."""
    got = receiver.received[number]
    headers = {name: got.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert abs(int(headers["webhook-timestamp"]) - world.now) <= 1
    return Verifier(secret(world, webhook)).verify(got.body, headers)


@pytest.fixture(autouse=True)
def _now(world: World) -> None:
    """The reference implementation compares with the real clock."""
    import time  # noqa: PLC0415 - nowhere else here

    world.now = time.time()


def test_an_event_is_delivered_signed(world: World, webhook: Webhook, receiver: Receiver) -> None:
    """To the account's receiver, who can verify it; nothing comes again."""
    assert world.deliver(EVENT) == []

    assert verify(world, webhook, receiver)["type"] == "stream.started"
    assert world.postponed == []


def test_who_has_no_webhook_is_sent_nothing(world: World, webhook: Webhook, receiver: Receiver) -> None:
    """Neither are types that the owner did not choose, and nothing is left in the queue."""
    assert world.deliver(event("other"), event("anon-q5sm2xr7dcwk3ybh")) == []
    store = Webhooks(world.dynamo, world.settings.accounts_table)
    store.redirect(webhook, receiver.url, frozenset({"stream.ended"}))
    assert world.deliver(event("acme"), event("acme", 1, "Quota Passed")) == []
    assert receiver.received == []

    assert world.deliver(event("acme", 2, "Stream Ended"), event("acme", 3, "Webhook Test")) == []
    assert {json.loads(got.body)["type"] for got in receiver.received} == {"stream.ended", "webhook.test"}


def test_a_failure_comes_again_later_each_time_under_the_same_id(
    world: World, webhook: Webhook, receiver: Receiver
) -> None:
    """Until the redrive policy of the template makes it a dead letter; each attempt has its own time and signature."""
    receiver.statuses = [500]
    for attempt in range(1, len(DELAYS) + 2):
        assert world.deliver(EVENT, attempt=attempt) == [0]
        verify(world, webhook, receiver)

    assert [delay for _, delay in world.postponed] == [*DELAYS, GIVEN_UP]
    assert list(DELAYS) == sorted(DELAYS)
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len({got.body for got in receiver.received}) == 1
    redrive = template()["Resources"]["WebhookQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == len(DELAYS) + 1
    assert max(DELAYS) < 12 * 3600, "SQS hides a message for no longer"


@pytest.mark.usefixtures("webhook")
def test_one_bad_receiver_holds_up_nobody_else(world: World, store: Webhooks, receiver: Receiver) -> None:
    """In one batch: a redirect, a refused connection and a URL that is not possible any more fail alone."""
    receiver.statuses = [204]
    for number, url in enumerate(("http://127.0.0.1:9/", "http://127.0.0.1:1025/", "gopher://127.0.0.1/")):
        store.create(Webhook(f"bad{number}", url, "5a17", created=0))

    failed = world.deliver(event("bad0"), event("acme"), event("bad1"), event("bad2"), event("acme", 1))

    assert failed == [0, 2, 3]
    assert [receipt for receipt, _ in world.postponed] == ["receipt-0", "receipt-2", "receipt-3"]
    assert len(receiver.received) == 2


@pytest.mark.usefixtures("webhook")
def test_a_redirect_is_not_followed(world: World, store: Webhooks, receiver: Receiver) -> None:
    """It is a failed delivery, and the owner sees so."""
    receiver.statuses, receiver.headers = [307], {"Location": receiver.url}

    assert world.deliver(EVENT) == [0]

    assert len(receiver.received) == 1
    found = store.read("acme")
    assert found is not None
    assert found.last == Outcome(world.now, "stream.started", "The answer was 307; redirects are not followed.")


@pytest.mark.usefixtures("webhook")
def test_the_last_outcome_is_kept_with_few_writes(world: World, store: Webhooks, receiver: Receiver) -> None:
    """The same outcome is written once a minute, another one at once."""
    world.deliver(EVENT)
    writes = len([call for call in world.calls["webhooks"] if call.action == "dynamodb:UpdateItem"])
    world.now += 10
    world.deliver(EVENT, event("acme", 1))
    assert len([call for call in world.calls["webhooks"] if call.action == "dynamodb:UpdateItem"]) == writes == 1
    receiver.statuses = [503]
    world.deliver(EVENT)

    found = store.read("acme")
    assert found is not None
    assert found.last is not None
    assert found.last.error == "The answer was 503."


@pytest.mark.usefixtures("webhook")
def test_what_is_no_event_ends_among_the_dead_letters(world: World, receiver: Receiver) -> None:
    """It is evidence of a mistake; and it delays nothing."""
    assert world.deliver("no JSON", "[]", {"detail-type": "Other", "detail": {"account": "acme"}}, EVENT) == [0, 1, 2]
    assert len(receiver.received) == 1


@pytest.mark.usefixtures("webhook")
def test_without_table_or_master_everything_comes_again(world: World, receiver: Receiver) -> None:
    """Nothing is lost, and nothing is sent unsigned."""
    world.ssm.delete_parameter(Name=world.settings.webhook_parameter)
    assert world.deliver(EVENT, EVENT) == [0, 1]
    world.client.delete_table(TableName=world.settings.accounts_table)
    assert world.deliver(EVENT) == [0]
    assert receiver.received == []


def test_the_table_has_no_secret(world: World, webhook: Webhook, store: Webhooks) -> None:
    """Who reads it can sign nothing; what is read back is what was written."""
    full = replace(
        webhook, account="full", events=frozenset({"stream.started"}), last=Outcome(1.0, "stream.started", "no")
    )
    assert store.create(full)
    assert not store.create(replace(full, salt="another"))
    assert store.read("full") == full
    assert store.rotate(full, "5a18", 60.0)
    assert not store.rotate(full, "5a19", 60.0)
    item = world.dynamo.get(world.settings.accounts_table, {"pk": "ACCOUNT#full", "sk": "WEBHOOK"})

    assert item is not None
    assert set(item) == {"pk", "sk", "url", "salt", "created", "events", "retired", "last"}
    assert secret(world, webhook).removeprefix("whsec_") not in json.dumps(item, default=list)
