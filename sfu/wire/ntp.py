"""NTP timestamps as RTCP prints them (RFC 3550, section 4).

Durations inside the plane are on the monotonic clock; only sender reports and log lines know the time of day.
"""

from typing import Final

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900, where NTP begins to count, to 1970."""


def to_ntp(wall: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp."""
    return int((wall + NTP_EPOCH) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def from_ntp(ntp: int) -> float:
    """A 64-bit NTP timestamp as seconds since 1970."""
    return ntp / (1 << 32) - NTP_EPOCH


def compact(ntp: int) -> int:
    """The middle 32 bits of *ntp*, in units of 1/65536 s, as LSR and DLSR print them (RFC 3550, section 6.4.1)."""
    return (ntp >> 16) & 0xFFFF_FFFF
