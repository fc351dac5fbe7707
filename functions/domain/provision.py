"""Makes accounts and stream keys, for operators, owners, clients without an account and a seeded local stack.

A secret is returned once, to be handed to its owner; storage gets its digest only. Randomness and time are arguments.
"""

import hmac
from base64 import b32encode
from dataclasses import dataclass, replace

from functions.domain.accounts import Account, Key, Retiring, Stream
from functions.domain.stores import AccountStore, KeyStore
from shared.keys import AccountToken, RandomBytes, StreamKey, new_account_token, new_stream_id, new_stream_key
from shared.tiers import NO_OVERRIDES, Overrides, Tier

ANONYMOUS_SECONDS = 30 * 86400
"""How long an anonymous key publishes; its items are dropped some days later."""
ANONYMOUS_STREAMS = 25
"""Concurrent streams of one client address: several people can share it, each with a key for one stream."""


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """A new account as its owner gets it, with its token."""

    account: Account
    token: AccountToken


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new stream key as its owner gets it, with its secret."""

    stream_key: StreamKey
    stream: str


def create_account(
    registry: AccountStore,
    account: str,
    tier: Tier,
    *,
    random: RandomBytes,
    now: float,
    overrides: Overrides = NO_OVERRIDES,
) -> CreatedAccount | None:
    """A new account with its token; None where the id is taken."""
    made = Account(account, tier, overrides, created=now)
    token = new_account_token(random)
    return CreatedAccount(made, token) if registry.create_account(made, token.digest) else None


def create_key(
    registry: KeyStore,
    account: Account,
    *,
    random: RandomBytes,
    now: float,
    label: str = "",
    protocols: frozenset[str] | None = None,
) -> CreatedKey:
    """A new stream key of *account*, with a stream of its own; it publishes by *protocols* only, where they are given."""
    secret = new_stream_key(random, anonymous=account.tier is Tier.ANONYMOUS)
    stream = new_stream_id(random)
    key = Key(secret.digest, account.id, stream, label, now, protocols=protocols, hint=_hint(secret))
    registry.create_key(key, _stream(stream, account))
    return CreatedKey(secret, stream)


def rotate_key(registry: KeyStore, key: Key, *, random: RandomBytes, now: float, until: float) -> StreamKey | None:
    """A new secret for the stream of *key*, whose old one publishes *until* then; None where the key changed meanwhile."""
    secret = new_stream_key(random, anonymous=key.account.startswith("anon-"))
    older = tuple(Retiring(old.digest, min(old.until, until)) for old in key.retiring if old.until > now)
    retiring = (*older, Retiring(key.digest, until))
    rotated = replace(key, digest=secret.digest, hint=_hint(secret), created=now, retiring=retiring)
    return secret if registry.rotate(key, rotated) else None


def _hint(secret: StreamKey) -> str:
    return secret.masked.partition("_")[2].rstrip("…")


def anonymous_account(salt: str, client: str, now: float) -> Account:
    """The account for keys that are made from address *client* without an account: all of them share its quota.

    It is named by a salted hash, so that what is stored, logged and signed does not contain the address.
    """
    hashed = hmac.digest(salt.encode(), client.encode(), "sha256")
    name = b32encode(hashed[:10]).decode().lower()
    return Account(f"anon-{name}", Tier.ANONYMOUS, Overrides(streams=ANONYMOUS_STREAMS), created=now)


def create_anonymous(registry: KeyStore, account: Account, *, random: RandomBytes, now: float) -> CreatedKey:
    """A new stream key of *account*, which has no owner; the key lapses after `ANONYMOUS_SECONDS`."""
    secret = new_stream_key(random, anonymous=True)
    stream = new_stream_id(random)
    key = Key(secret.digest, account.id, stream, created=now, expires_at=now + ANONYMOUS_SECONDS)
    registry.create_anonymous_key(key, _stream(stream, account), forget_at=anonymous_forgotten(now))
    return CreatedKey(secret, stream)


def anonymous_forgotten(now: float) -> int:
    """When the table drops what was made at *now* for a client without an account, in seconds since the epoch."""
    return int(now) + ANONYMOUS_SECONDS + 7 * 86400


def _stream(stream: str, account: Account) -> Stream:
    limits = account.limits
    return Stream(
        stream, account.id, account.tier, limits.viewers, limits.kbps, limits.protocols, blocked=account.blocked
    )
