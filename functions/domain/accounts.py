"""What the control plane knows of an account, its keys and its streams: values, and nothing that reads or writes.

The account's item is the roster: one conditional write on it decides a publish (design.md, rule 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from functions.domain.quota import ToldMark
from shared.grants import GRACE_SECONDS, GRANT_SECONDS
from shared.months import month_of
from shared.refusals import Refused, bandwidth_exceeded, quota_exceeded
from shared.tiers import NO_OVERRIDES, Limits, Overrides, Tier, effective


@dataclass(frozen=True, slots=True)
class Slot:
    """One publish session's place in the roster, from its grant to its end."""

    session: str
    boot: str
    """The life of the node that the grant is for; it implies the node."""
    expires_at: int
    """When the unused grant lapses."""
    used_at: float | None = None
    """When a heartbeat first reported the session; None while the grant may still be used."""
    forced: int = 0
    """How many forced takeovers in a row led here; 0 for an ordinary admission."""
    key_tag: bytes = b""
    """Of the secret that it was taken with (`Key.tag`); empty where that was not noted."""
    awaited_until: float | None = None
    """Until when a request at most waits for this slot to make way, if one does; by this number it knows its own mark."""

    @property
    def granted_at(self) -> int:
        """When the slot was taken."""
        return self.expires_at - GRANT_SECONDS

    def grant_usable(self, now: float) -> bool:
        """Whether the grant may still become a session, clock skew included."""
        return self.used_at is None and now < self.expires_at + GRACE_SECONDS


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of one month against the quota, as known when they were written."""

    month: str
    used: int
    quota: int

    def refusal(self, tier: Tier) -> Refused:
        """What an account of *tier* is told once it has used its quota."""
        return quota_exceeded() if tier is Tier.ANONYMOUS else bandwidth_exceeded(self.used, self.quota)


@dataclass(frozen=True, slots=True)
class Token:
    """An account token as its account knows it: by enough of its digest to tell those of one account apart."""

    tag: str
    """The first 8 bytes of its digest, in hex."""
    until: float | None = None
    """Of one that was replaced: it opens the account until then."""

    @classmethod
    def of(cls, digest: str, until: float | None = None) -> Self:
        """The token with this digest."""
        return cls(digest[:16], until)

    def valid(self, now: float) -> bool:
        """Whether it opens the account at *now*."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Account:
    """One account's item."""

    id: str
    tier: Tier
    overrides: Overrides = NO_OVERRIDES
    slots: Mapping[str, Slot] = field(default_factory=dict)
    """The roster: stream id -> slot."""
    epoch: int = 0
    """Counts the account's admissions. Every session's epoch is taken from it, so epochs of a stream only rise."""
    blocked: Usage | None = None
    """Set once a month's quota was used up; holds for that month only."""
    created: float = 0
    told: ToldMark | None = None
    """The highest mark of its quota that its owner was told of."""
    version: int = 0
    """Counts changes of what its streams carry: limits and block."""
    suspended: bool = False
    """The operator closed it, for now or for good: its keys are as good as unknown."""
    tokens: tuple[Token, ...] = ()
    """Those that open it, the present one first. None: made before tokens could be replaced, and whichever names it does."""

    @property
    def limits(self) -> Limits:
        """What the account may use."""
        return effective(self.tier, self.overrides)

    def opened_by(self, digest: str, now: float) -> bool:
        """Whether the account token with this digest, which names the account, opens it."""
        return not self.tokens or any(digest.startswith(token.tag) and token.valid(now) for token in self.tokens)

    def over_quota(self, now: float) -> Refused | None:
        """Why the account may not publish or be watched this month, or None."""
        if self.blocked is None or self.blocked.month != month_of(now):
            return None
        return self.blocked.refusal(self.tier)


@dataclass(frozen=True, slots=True)
class Retiring:
    """A secret that a rotation replaced, and until when it still publishes."""

    digest: str
    until: float

    @property
    def tag(self) -> bytes:
        """As a slot knows it."""
        return _tag(self.digest)


AUDIENCE_SECONDS = 60
"""How long a note of waiting viewers counts: as long as a node lets them wait."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Viewers who wait for a publisher."""

    boot: str
    """The life of the node that they are connected to."""
    at: float
    """When it last said so."""


@dataclass(frozen=True, slots=True)
class Key:
    """A stream key as storage knows it: by its digest."""

    digest: str
    account: str
    stream: str
    label: str = ""
    created: float = 0
    revoked_at: float | None = None
    """From then on the key is as good as unknown."""
    expires_at: float | None = None
    """Anonymous keys lapse."""
    protocols: frozenset[str] | None = None
    """What it may publish by; None: whatever its account may."""
    hint: str = ""
    """The first two characters of the secret, for its owner to know it by."""
    retiring: tuple[Retiring, ...] = ()
    """Only in the account's entry of the key: secrets that it had before and that are not over."""
    audience: Audience | None = None
    """Only in the key's own item: where viewers of its stream wait, or did."""

    def valid(self, now: float) -> bool:
        """Whether the key publishes at *now*."""
        return all(limit is None or now < limit for limit in (self.revoked_at, self.expires_at))

    def awaited_at(self, now: float) -> str | None:
        """The boot of the node where viewers wait for this key's publisher at *now*."""
        waits = self.audience is not None and now - self.audience.at < AUDIENCE_SECONDS
        return self.audience.boot if self.audience is not None and waits else None

    @property
    def tag(self) -> bytes:
        """The secret as a slot knows it: enough to tell the secrets of one stream apart."""
        return _tag(self.digest)

    def ends_at(self, tag: bytes) -> float | None:
        """When a session of the secret with this tag is over; None while that is not planned. For the account's entry."""
        limits = [self.revoked_at]
        if tag and tag != self.tag:
            limits.append(next((old.until for old in self.retiring if old.tag == tag), 0.0))
        return min((limit for limit in limits if limit is not None), default=None)


def _tag(digest: str) -> bytes:
    return bytes.fromhex(digest[:8])


@dataclass(frozen=True, slots=True)
class RefusedPublish:
    """One refused publish of a known key, as its owner is shown it."""

    stream: str
    at: float
    code: str
    protocol: str
    address: str
    """The client's network (`functions.domain.addresses.shortened`), never its whole address."""
    problem: str = ""
    """What was wrong with what it sent, a code of `shared.problems`; empty where it got no further than admission."""
    session: str = ""
    """Whose problem it was: it is noted once a session."""


@dataclass(frozen=True, slots=True)
class Live:
    """A stream's running session, as its node last reported a change of it."""

    session: str
    node: str
    boot: str
    epoch: int
    viewers: int
    since: float
    problems: tuple[str, ...] = ()
    """Codes of `shared.problems`."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What viewers watch. Carries what admission of a viewer needs of the account, so that it reads no account."""

    id: str
    account: str
    tier: Tier
    max_viewers: int
    max_kbps: int
    protocols: frozenset[str]
    blocked: Usage | None = None
    live: Live | None = None
    problems: tuple[str, ...] = ()
    """Why its last session was ended, where that was for what it sent; codes of `shared.problems`."""

    def over_quota(self, now: float) -> Refused | None:
        """Why the stream may not be watched this month, or None."""
        if self.blocked is None or self.blocked.month != month_of(now):
            return None
        return self.blocked.refusal(self.tier)
