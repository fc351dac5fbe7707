"""Secrets that people hold (stream keys, account tokens) and the public or random ids beside them.

A secret is parsed once at the edge into a type whose `repr` and `str` never show it; storage sees its SHA-256 digest
only, logs its mask only. Randomness is an argument: every `new_…` takes a function like `secrets.token_bytes`.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

RandomBytes = Callable[[int], bytes]

_STREAM_ID = re.compile(r"[a-z2-7]{16}")


def _base32(random_bytes: RandomBytes, size: int) -> str:
    return b32encode(random_bytes(size)).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Secret:
    """A bearer secret; compare with `matches`, never by `==` on revealed text."""

    _text: str = field(repr=False)

    PATTERN: ClassVar[re.Pattern[str]]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The secret that *text* spells, or None where its shape alone shows that nobody was ever given it."""
        return cls(text) if cls.PATTERN.fullmatch(text) else None

    @property
    def digest(self) -> str:
        """SHA-256 in lower-case hex: what storage knows. 160 random bits need neither salt nor stretching."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @property
    def masked(self) -> str:
        """For logs: the kind and two characters, for example `live_ab…`."""
        kind, _, rest = self._text.partition("_")
        return f"{kind}_{rest[:2]}…"

    def matches(self, digest: str) -> bool:
        """Whether *digest* is this secret's, in constant time."""
        return hmac.compare_digest(self.digest, digest)

    def reveal(self) -> str:
        """The secret itself: for the one answer that hands it to its owner."""
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    __str__ = __repr__


# No `slots=True` on the two below: a slotted dataclass is a new class, and `super()`-free inheritance keeps it simple.
@dataclass(frozen=True, repr=False)
class StreamKey(Secret):
    """The secret that publishes one stream: `live_…`, or `anon_…` without an account."""

    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"(?:live|anon)_[a-z2-7]{32}")

    @property
    def anonymous(self) -> bool:
        """Whether the key belongs to no account."""
        return self._text.startswith("anon_")


@dataclass(frozen=True, repr=False)
class AccountToken(Secret):
    """The secret with which an owner reads and manages an account: `acct_…`."""

    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"acct_[a-z2-7]{32}")


def new_stream_key(random_bytes: RandomBytes, *, anonymous: bool = False) -> StreamKey:
    """A fresh stream key of 160 random bits."""
    return StreamKey(f"{'anon' if anonymous else 'live'}_{_base32(random_bytes, 20)}")


def new_account_token(random_bytes: RandomBytes) -> AccountToken:
    """A fresh account token of 160 random bits."""
    return AccountToken(f"acct_{_base32(random_bytes, 20)}")


def new_stream_id(random_bytes: RandomBytes) -> str:
    """A fresh public stream id of 80 random bits, 16 characters."""
    return _base32(random_bytes, 10)


def new_session_id(random_bytes: RandomBytes) -> str:
    """A fresh session id of 128 random bits, 26 characters; it is the grant's `jti`."""
    return _base32(random_bytes, 16)


def new_boot(random_bytes: RandomBytes) -> str:
    """The random name of one life of a node's process, 16 characters."""
    return _base32(random_bytes, 10)


def is_stream_id(text: str) -> bool:
    """Whether *text* has the shape of a stream id (it may still name no stream)."""
    return _STREAM_ID.fullmatch(text) is not None
