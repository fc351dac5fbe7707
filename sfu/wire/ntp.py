"""Clocks of the media plane: NTP timestamps as RTCP prints them (RFC 3550, section 4).

Pure. Durations inside the plane are on the monotonic clock; only sender reports and log lines know the time of day.
"""

from typing import Final

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""


def to_ntp(wall: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp."""
    return int((wall + NTP_EPOCH) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def from_ntp(ntp: int) -> float:
    """A 64-bit NTP timestamp as seconds since 1970."""
    return ntp / (1 << 32) - NTP_EPOCH


def compact(ntp: int) -> int:
    """The middle 32 bits, as LSR and DLSR use them: units of 1/65536 s."""
    return (ntp >> 16) & 0xFFFF_FFFF
