"""An account's webhook: its values, its secret, and how a message is worded and signed (Standard Webhooks). Pure.

A secret is derived from a master secret, which is in SSM, and a salt, which is in the table: the table alone signs
nothing, and a new salt is a new secret. https://www.standardwebhooks.com has the specification that we follow.
"""

import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.domain.events import AccountEvent
from functions.domain.pace import QUICK, Pace
from shared.keys import RandomBytes

MASTER_BYTES = 32
SALT_BYTES = 16
PREFIX = "whsec_"

TYPES: Mapping[str, str] = {
    "Stream Started": "stream.started",
    "Stream Taken Over": "stream.taken_over",
    "Stream Ended": "stream.ended",
    "Publish Refused": "publish.refused",
    "Quota Passed": "quota.passed",
    "Webhook Test": "webhook.test",
}
"""EventBridge's detail-type, and the type that a receiver sees."""
TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Retired:
    """A salt that a rotation replaced, and until when it still signs."""

    salt: str
    until: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last delivery to a receiver went."""

    at: float
    kind: str
    """The message's type."""
    error: str = ""
    """Empty for a success."""

    def worth_writing(self, before: "Outcome | None") -> bool:
        """Whether it should replace *before* in the store: what is new at once, the same at most once a minute."""
        return before is None or (before.error, before.kind) != (self.error, self.kind) or self.at - before.at >= 60


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an account's events are sent, how they are signed, and how the receiver answers."""

    account: str
    url: str
    salt: str
    created: float
    events: frozenset[str] | None = None
    """The types that are sent; None for all."""
    retired: Retired | None = None
    last: Outcome | None = None
    pace: Pace = QUICK

    def wants(self, kind: str) -> bool:
        """Whether a message of this type is sent. A test always is."""
        return kind == TEST or self.events is None or kind in self.events

    def secrets(self, master: bytes, now: float) -> tuple[bytes, ...]:
        """What signs at *now*: the present secret, and during an overlap the one before it."""
        salts = [self.salt]
        if self.retired is not None and now < self.retired.until:
            salts.append(self.retired.salt)
        return tuple(derived(master, self.account, salt) for salt in salts)


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook message. *id* and *body* are the same at every attempt."""

    id: str
    account: str
    kind: str
    body: bytes


def tested(account: str) -> AccountEvent:
    """The event that an owner has sent to see that a receiver works."""
    return AccountEvent("Webhook Test", account)


def new_salt(random: RandomBytes) -> str:
    """A salt that was never used."""
    return random(SALT_BYTES).hex()


def new_master(random: RandomBytes) -> str:
    """A fresh master secret, as the parameter has it."""
    return b64encode(random(MASTER_BYTES)).decode()


def master_of(text: str) -> bytes:
    """The master secret that the parameter spells; ValueError for anything else."""
    try:
        master = b64decode(text, validate=True)
    except Base64Error as error:
        raise ValueError("not base64") from error
    if len(master) < MASTER_BYTES:
        raise ValueError("too short")
    return master


def derived(master: bytes, account: str, salt: str) -> bytes:
    """The secret of an account's webhook."""
    return hmac.digest(master, f"webhook\n{account}\n{salt}".encode(), "sha256")


def shown(secret: bytes) -> str:
    """A secret as its owner gets it."""
    return PREFIX + b64encode(secret).decode()


def message_of(event: Mapping[str, Any]) -> Message:
    """The message for one event as EventBridge delivers it; KeyError or TypeError for what is no event of ours."""
    detail = dict(event["detail"])
    detail.pop("stack", None)
    kind = TYPES[event["detail-type"]]
    body = json.dumps({"type": kind, "timestamp": event["time"], "data": detail}, separators=(",", ":"))
    return Message(f"msg_{event['id']}", detail["account"], kind, body.encode())


def signed(message: Message, secrets: Sequence[bytes], now: float) -> dict[str, str]:
    """The headers of one attempt at *now*, with one signature for each of *secrets*, separated by spaces."""
    at = int(now)
    content = b".".join([message.id.encode(), str(at).encode(), message.body])
    signatures = [f"v1,{b64encode(hmac.digest(secret, content, 'sha256')).decode()}" for secret in secrets]
    return {"webhook-id": message.id, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}
