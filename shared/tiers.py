"""Tiers and their limits: the table that the Meshcast contract documents, and per-account overrides of it.

Pure data. Where a limit is counted (the roster, the node, the meter) is decided elsewhere.
"""

from dataclasses import dataclass, fields
from enum import StrEnum

from shared.months import GB


class Tier(StrEnum):
    """What an account has bought; `anonymous` is the free use without an account."""

    ANONYMOUS = "anonymous"
    REGISTERED = "registered"
    SOLO_CREATOR = "solo_creator"
    CREATOR_PLUS = "creator_plus"
    STUDIO_PRO = "studio_pro"


class HlsEmbed(StrEnum):
    """Where an HLS player of the tier's streams may be embedded."""

    NONE = "none"
    LISTED = "listed"
    """Only on the hosts of `HLS_EMBED_HOSTS`."""
    ANYWHERE = "anywhere"


HLS_EMBED_HOSTS = ("meshcast.io", "vdo.ninja")
"""The contract: HLS embeds for free tiers are limited to these hosts and their subdomains."""

PROTOCOLS = frozenset({"whip", "whep", "rtmp", "srt", "hls"})
"""Every protocol that a grant can be asked for."""

_WEBRTC = frozenset({"whip", "whep"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one account may use at once, and in a month."""

    streams: int
    """Concurrent publish sessions."""
    bytes: int
    """Media bytes a UTC month, both directions."""
    viewers: int
    """Concurrent viewers of one stream."""
    kbps: int
    """The bitrate of one publisher, in kbit/s."""
    protocols: frozenset[str]
    """Subset of `PROTOCOLS`."""
    hls_embed: HlsEmbed


@dataclass(frozen=True, slots=True)
class Overrides:
    """An operator's changes to one account's limits; None leaves the tier's value."""

    streams: int | None = None
    bytes: int | None = None
    viewers: int | None = None
    kbps: int | None = None
    protocols: frozenset[str] | None = None
    hls_embed: HlsEmbed | None = None


NO_OVERRIDES = Overrides()

# Streams, bandwidth, viewers and protocols are the contract's; the bitrate limits are ours (the contract names none).
TIERS: dict[Tier, Limits] = {
    Tier.ANONYMOUS: Limits(1, 50 * GB, 20, 6_000, _WEBRTC, HlsEmbed.NONE),
    Tier.REGISTERED: Limits(1, 200 * GB, 20, 8_000, PROTOCOLS, HlsEmbed.LISTED),
    Tier.SOLO_CREATOR: Limits(4, 500 * GB, 30, 12_000, PROTOCOLS, HlsEmbed.ANYWHERE),
    Tier.CREATOR_PLUS: Limits(10, 1_000 * GB, 50, 20_000, PROTOCOLS, HlsEmbed.ANYWHERE),
    Tier.STUDIO_PRO: Limits(25, 2_000 * GB, 100, 50_000, PROTOCOLS, HlsEmbed.ANYWHERE),
}


def effective(tier: Tier, overrides: Overrides = NO_OVERRIDES) -> Limits:
    """The limits that hold for an account of *tier* with *overrides*."""
    base = TIERS[tier]
    values = {f.name: getattr(overrides, f.name) for f in fields(Overrides)}
    return Limits(**{name: getattr(base, name) if value is None else value for name, value in values.items()})


def may_embed_hls(limits: Limits, host: str) -> bool:
    """Whether an HLS player on the web page of *host* may show a stream of an account with *limits*."""
    if limits.hls_embed is HlsEmbed.LISTED:
        name = host.lower().rstrip(".")
        return any(name == listed or name.endswith(f".{listed}") for listed in HLS_EMBED_HOSTS)
    return limits.hls_embed is HlsEmbed.ANYWHERE
