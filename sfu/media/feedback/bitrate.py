"""How much a publisher may send: REMB announces its limit, a lower REMB warns it, and in the end its session is ended.

Where the mean of WINDOW seconds is above TOLERANCE times the limit, the publisher is warned. Where the mean of the WARNING
seconds after that is above it as well, the session is to end. Both times are long beside a keyframe, so no burst ends anybody.
Besides, what arrives above DROP_ABOVE times the limit is dropped before it is decrypted: a flood costs others nothing.

Only authentic bytes count, so nobody else can use up a publisher's share.
"""

from collections import deque
from typing import Final

RAMP_SECONDS: Final = 3.0
RAMP_EVERY: Final = 0.2
"""Seconds between two REMBs in the first RAMP_SECONDS."""
STEADY_EVERY: Final = 1.0
"""Seconds between two REMBs afterwards."""
UNLIMITED: Final = 30_000_000
"""Bits a second that REMB announces where the grant has no limit."""

WINDOW: Final = 10.0
WARNING: Final = 5.0
"""Seconds from a warning to the end, where nothing changes."""
TOLERANCE: Final = 1.25
"""RTP and SRTP add some 3 %, sound 2 %, repairs their share; encoders miss their own mark by 10 % for seconds."""
WARNED_SHARE: Final = 0.8
"""What a warned publisher is told, of its limit."""
DROP_ABOVE: Final = 2.0
BURST_SECONDS: Final = 3.0
"""The burst that is not dropped, in seconds of DROP_ABOVE times the limit: a keyframe of six seconds' worth of stream."""


class BitrateLimit:
    """Holds one publisher to *max_kbps* kilobits a second of its grant; 0 means no limit.

    Chrome takes over at once what REMB says in its first two seconds, and climbs slowly afterwards, so REMB is sent often at
    first. Congestion on the way the publisher sees in our other feedback.
    """

    __slots__ = (
        "_began",
        "_filled_until",
        "_next",
        "_samples",
        "_seconds_per_byte",
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
        """Whether it was warned in vain: the session is to be ended."""
        self._seconds_per_byte = 8 / (DROP_ABOVE * self.limit)
        """What a byte fills of the burst that is not dropped."""
        self._filled_until = 0.0
        self._samples: deque[tuple[float, int]] = deque()
        self._warned: tuple[float, int] | None = None
        self._began: float | None = None
        self._next = 0.0

    @property
    def warned(self) -> bool:
        """Whether it sends too much now, and has been warned."""
        return self._warned is not None

    @property
    def bitrate(self) -> int:
        """The bits a second that REMB says now."""
        return round(self.limit * WARNED_SHARE) if self._warned else self.limit

    def due(self, now: float) -> bool:
        """Whether a REMB is to be sent now; counts it as sent."""
        if self._began is None:
            self._began = now
        if now < self._next:
            return False
        hurry = self._warned is not None or now - self._began < RAMP_SECONDS
        self._next = now + (RAMP_EVERY if hurry else STEADY_EVERY)
        return True

    def admits(self, now: float) -> bool:
        """Whether a packet that arrives now is to be decrypted; else it is dropped unread."""
        return self._filled_until - now < BURST_SECONDS

    def took(self, size: int, now: float) -> None:
        """Count an authentic packet of *size* bytes."""
        self._filled_until = max(self._filled_until, now) + size * self._seconds_per_byte

    def judge(self, total: int, now: float) -> None:
        """Warn, lift the warning, or find the limit exceeded; called once a second with *total*, all bytes of the session."""
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
