"""Makes accounts and stream keys: the one way, for operators, owners, anonymous visitors and a seeded local stack.

A secret is returned once, to be handed to its owner; storage gets its digest. Randomness and time are arguments.
"""

from dataclasses import dataclass, replace

from functions.accounts import Account, Key, Retiring, Stream
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


def create_key(
    registry: Registry,
    account: Account,
    *,
    random: RandomBytes,
    now: float,
    label: str = "",
    protocols: frozenset[str] | None = None,
) -> NewKey:
    """A new stream key of *account*, with a stream of its own; it publishes by *protocols* only, where they are given."""
    secret = new_stream_key(random, anonymous=account.tier is Tier.ANONYMOUS)
    stream = new_stream_id(random)
    key = Key(secret.digest, account.id, stream, label, now, protocols=protocols, hint=_hint(secret))
    registry.create_key(key, _stream(stream, account))
    return NewKey(secret, stream)


def rotate_key(registry: Registry, key: Key, *, random: RandomBytes, now: float, until: float) -> StreamKey | None:
    """A new secret for the stream of *key*, whose old one publishes *until* then; None where the key changed meanwhile."""
    secret = new_stream_key(random, anonymous=key.account.startswith("anon-"))
    older = tuple(Retiring(old.digest, min(old.until, until)) for old in key.retiring if old.until > now)
    retiring = (*older, Retiring(key.digest, until))
    rotated = replace(key, digest=secret.digest, hint=_hint(secret), created=now, retiring=retiring)
    return secret if registry.rotate(key, rotated) else None


def _hint(secret: StreamKey) -> str:
    return secret.masked.partition("_")[2].rstrip("…")


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
