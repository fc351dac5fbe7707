"""Makes accounts and stream keys: the one way, for operators, owners, anonymous visitors and a seeded local stack.

A secret is returned once, to be handed to its owner; storage gets its digest. Randomness and time are arguments.
"""

from dataclasses import dataclass

from functions.accounts import Account, Key, Stream
from functions.storage.registry import Registry
from shared.keys import AccountToken, RandomBytes, StreamKey, new_account_token, new_stream_id, new_stream_key
from shared.tiers import NO_OVERRIDES, Overrides, Tier

ANONYMOUS_SECONDS = 30 * 86400
"""How long an anonymous key publishes; its items are dropped some days later."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as its owner gets it."""

    account: Account
    token: AccountToken


@dataclass(frozen=True, slots=True)
class NewKey:
    """A stream key as its owner gets it."""

    stream_key: StreamKey
    stream: str


def create_account(
    registry: Registry,
    account: str,
    tier: Tier,
    *,
    random: RandomBytes,
    now: float,
    overrides: Overrides = NO_OVERRIDES,
) -> NewAccount | None:
    """A new account with its token; None where the id is taken."""
    made = Account(account, tier, overrides, created=now)
    token = new_account_token(random)
    return NewAccount(made, token) if registry.create_account(made, token.digest) else None


def create_key(registry: Registry, account: Account, *, random: RandomBytes, now: float, label: str = "") -> NewKey:
    """A new stream key of *account*, with a stream of its own."""
    secret = new_stream_key(random, anonymous=account.tier is Tier.ANONYMOUS)
    stream = new_stream_id(random)
    registry.create_key(Key(secret.digest, account.id, stream, label, now), _stream(stream, account))
    return NewKey(secret, stream)


def create_anonymous(registry: Registry, *, random: RandomBytes, now: float) -> NewKey:
    """A stream key that belongs to nobody, with an account of its own for limits and bytes."""
    secret = new_stream_key(random, anonymous=True)
    stream = new_stream_id(random)
    account = Account(f"anon-{stream}", Tier.ANONYMOUS, created=now)
    until = now + ANONYMOUS_SECONDS
    key = Key(secret.digest, account.id, stream, created=now, expires_at=until)
    registry.create_anonymous(account, key, _stream(stream, account), forget_at=int(until) + 7 * 86400)
    return NewKey(secret, stream)


def _stream(stream: str, account: Account) -> Stream:
    limits = account.limits
    return Stream(
        stream, account.id, account.tier, limits.viewers, limits.kbps, limits.protocols, blocked=account.blocked
    )
