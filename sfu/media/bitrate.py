"""How much a publisher may send: told by REMB, watched, warned of, and in the end enforced.

Pure. A mean over WINDOW seconds above TOLERANCE times the limit is warned of by a lower REMB; a mean over the WARNING
seconds after it that is still above it ends the session. Both are long beside a keyframe, so no burst ends anybody.
Independently, what arrives above GATE times the limit is dropped before it is decrypted: a flood costs others nothing.

Only authentic bytes count, so nobody else can use up a publisher's share.
"""

from collections import deque
from typing import Final

RAMP_SECONDS: Final = 3.0
RAMP_EVERY: Final = 0.2
STEADY_EVERY: Final = 1.0
UNLIMITED: Final = 30_000_000

WINDOW: Final = 10.0
WARNING: Final = 5.0
TOLERANCE: Final = 1.25
"""RTP and SRTP add some 3 %, sound 2 %, repairs their share; encoders miss their own mark by 10 % for seconds."""
WARNED_SHARE: Final = 0.8
"""What a warned publisher is told, of its limit."""
GATE: Final = 2.0
GATE_SECONDS: Final = 3.0
"""The burst that passes the gate, in seconds of GATE times the limit: a keyframe of six seconds' worth of stream."""


class BitrateLimit:
    """One publisher's. Chrome takes over at once what REMB says in its first two seconds, and climbs slowly afterwards,
    so it is told often at first. Congestion on the way it sees in our other feedback.
    """

    __slots__ = (
        "_began",
        "_filled_until",
        "_gate",
        "_next",
        "_samples",
        "_warned",
        "enforced",
        "exceeded",
        "limit",
        "mean",
    )

    def __init__(self, max_kbps: int) -> None:
        self.enforced = max_kbps > 0
        self.limit = max_kbps * 1000 if max_kbps else UNLIMITED
        self.mean = 0.0
        """Bits a second over the last WINDOW."""
        self.exceeded = False
        """Warned in vain: the session is to be ended."""
        self._gate = 8 / (GATE * self.limit)
        self._filled_until = 0.0
        self._samples: deque[tuple[float, int]] = deque()
        self._warned: tuple[float, int] | None = None
        self._began: float | None = None
        self._next = 0.0

    @property
    def warned(self) -> bool:
        """Whether it sends too much now, and has been told."""
        return self._warned is not None

    @property
    def bitrate(self) -> int:
        """What REMB says now."""
        return round(self.limit * WARNED_SHARE) if self._warned else self.limit

    def due(self, now: float) -> bool:
        """Whether to say it now."""
        if self._began is None:
            self._began = now
        if now < self._next:
            return False
        hurry = self._warned is not None or now - self._began < RAMP_SECONDS
        self._next = now + (RAMP_EVERY if hurry else STEADY_EVERY)
        return True

    def admits(self, now: float) -> bool:
        """Whether a packet of now is worth decrypting."""
        return self._filled_until - now < GATE_SECONDS

    def took(self, size: int, now: float) -> None:
        """An authentic packet of *size* bytes came."""
        self._filled_until = max(self._filled_until, now) + size * self._gate

    def judge(self, total: int, now: float) -> None:
        """Once a second, with all bytes since the session began: warn, or lift the warning, or find it exceeded."""
        samples = self._samples
        samples.append((now, total))
        while len(samples) > 1 and samples[1][0] <= now - WINDOW:
            samples.popleft()
        at, before = samples[0]
        self.mean = (total - before) * 8 / (now - at) if now - at >= WINDOW else total * 8 / WINDOW
        if not self.enforced or self.mean <= self.limit * TOLERANCE:
            self._warned = None
        elif self._warned is None:
            self._warned = (now, total)
            self._next = now
        elif now - self._warned[0] >= WARNING:
            since, then = self._warned
            self.exceeded = (total - then) * 8 / (now - since) > self.limit * TOLERANCE
            self._warned = (now, total)
