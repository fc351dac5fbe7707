"""Signatures that the reference implementation of Standard Webhooks takes, and secrets that no table gives away."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Receiver
from standardwebhooks import WebhookVerificationError

from functions.domain.webhook import (
    Outcome,
    Retired,
    Webhook,
    derived,
    master_of,
    message_of,
    new_master,
    new_salt,
    shown,
    signed,
)

MASTER = master_of(new_master(lambda size: b"m" * size))
WEBHOOK = Webhook("acme", "https://example.com/", "5a17", created=0)
EVENT = {
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Stream Started",
    "source": "sluice",
    "time": "2026-11-24T15:00:00Z",
    "detail": {"v": 1, "account": "acme", "stream": "q5sm2xr7dcwk3ybh", "stack": "sluice"},
}


def test_a_message_is_what_the_specification_proposes() -> None:
    """Type, timestamp and data; the id is the event's own, and the stack is nobody else's business."""
    message = message_of(EVENT)

    assert (message.id, message.account, message.kind) == (f"msg_{EVENT['id']}", "acme", "stream.started")
    assert json.loads(message.body) == {
        "type": "stream.started",
        "timestamp": "2026-11-24T15:00:00Z",
        "data": {"v": 1, "account": "acme", "stream": "q5sm2xr7dcwk3ybh"},
    }


@pytest.mark.parametrize("broken", [{}, {"detail": {}}, {**EVENT, "detail-type": "Other"}, {**EVENT, "detail": {}}])
def test_what_is_no_event_of_ours_is_an_error(broken: dict[str, object]) -> None:
    """Rather than a message without an account."""
    with pytest.raises((KeyError, TypeError)):
        message_of(broken)


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_the_reference_implementation_verifies_what_we_sign(text: str, master: bytes) -> None:
    """Any content, any secret; and not with another secret, body, id or time."""
    message = message_of({**EVENT, "detail": {"account": "acme", "text": text}})
    now = time.time()
    headers = signed(message, WEBHOOK.secrets(master, now), now)
    secret = shown(derived(master, "acme", "5a17"))

    assert Receiver(secret).verify(message.body, headers)["data"]["text"] == text
    for other_secret, body, changes in (
        (shown(derived(master, "acme", "5a18")), message.body, {}),
        (shown(derived(master, "other", "5a17")), message.body, {}),
        (secret, message.body + b" ", {}),
        (secret, message.body, {"webhook-id": "msg_other"}),
        (secret, message.body, {"webhook-timestamp": str(int(now) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Receiver(other_secret).verify(body, {**headers, **changes})


def test_during_a_rotation_either_secret_verifies() -> None:
    """Two signatures until the overlap is over, then one."""
    message, now = message_of(EVENT), time.time()
    rotated = replace(WEBHOOK, salt="5a18", retired=Retired("5a17", now + 60))
    old, new = (shown(derived(MASTER, "acme", salt)) for salt in ("5a17", "5a18"))
    headers = signed(message, rotated.secrets(MASTER, now), now)

    assert headers["webhook-signature"].count("v1,") == 2
    Receiver(old).verify(message.body, headers)
    Receiver(new).verify(message.body, headers)
    later = signed(message, rotated.secrets(MASTER, now + 60), now)
    Receiver(new).verify(message.body, later)
    with pytest.raises(WebhookVerificationError):
        Receiver(old).verify(message.body, later)


def test_salts_and_masters_are_random() -> None:
    """As long as they must be; a text that is no master is refused."""
    assert len(bytes.fromhex(new_salt(lambda size: b"s" * size))) == 16
    assert len(MASTER) == 32
    for text in ("", "short", "c2hvcnQ=", "!" * 60):
        with pytest.raises(ValueError, match=r"base64|short"):
            master_of(text)


def test_an_outcome_is_written_when_it_is_news() -> None:
    """Another result at once, the same one at most once a minute."""
    before = Outcome(100.0, "stream.started", "The answer was 500.")

    assert Outcome(101.0, "stream.started").worth_writing(before)
    assert not Outcome(159.0, "stream.started", "The answer was 500.").worth_writing(before)
    assert Outcome(160.0, "stream.started", "The answer was 500.").worth_writing(before)
    assert before.worth_writing(None)
