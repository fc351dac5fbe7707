"""The tier table is the contract's, and overrides change only what they name."""

import pytest

from shared.months import GB
from shared.tiers import PROTOCOLS, Overrides, Tier, effective, may_embed_hls


@pytest.mark.parametrize(
    ("tier", "streams", "gigabytes", "viewers"),
    [
        (Tier.ANONYMOUS, 1, 50, 20),
        (Tier.REGISTERED, 1, 200, 20),
        (Tier.SOLO_CREATOR, 4, 500, 30),
        (Tier.CREATOR_PLUS, 10, 1000, 50),
        (Tier.STUDIO_PRO, 25, 2000, 100),
    ],
)
def test_limits_are_the_documented_ones(tier: Tier, streams: int, gigabytes: int, viewers: int) -> None:
    """Streams, bandwidth and viewers as the contract's three tables have them."""
    limits = effective(tier)

    assert (streams, gigabytes * GB, viewers) == (limits.streams, limits.bytes, limits.viewers)


def test_only_accounts_leave_webrtc() -> None:
    """Anonymous users have WHIP and WHEP; every account has all protocols."""
    assert effective(Tier.ANONYMOUS).protocols == {"whip", "whep"}
    assert all(effective(tier).protocols == PROTOCOLS for tier in Tier if tier is not Tier.ANONYMOUS)


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    """Zero is a limit; only None leaves the tier's value."""
    limits = effective(Tier.SOLO_CREATOR, Overrides(viewers=1000, streams=0))

    assert (limits.streams, limits.bytes, limits.viewers) == (0, 500 * GB, 1000)


@pytest.mark.parametrize(
    ("tier", "host", "allowed"),
    [
        (Tier.ANONYMOUS, "vdo.ninja", False),
        (Tier.REGISTERED, "vdo.ninja", True),
        (Tier.REGISTERED, "Beta.VDO.Ninja", True),
        (Tier.REGISTERED, "meshcast.io", True),
        (Tier.REGISTERED, "evilvdo.ninja", False),
        (Tier.REGISTERED, "example.org", False),
        (Tier.SOLO_CREATOR, "example.org", True),
    ],
)
def test_hls_embeds_of_free_tiers_are_limited(tier: Tier, host: str, *, allowed: bool) -> None:
    """The contract limits them to meshcast.io and vdo.ninja."""
    assert may_embed_hls(effective(tier), host) is allowed
