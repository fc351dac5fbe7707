"""The seven documented refusals hold to the byte, and every code of the registry can be answered with."""

import json
from pathlib import Path

import pytest

from shared import refusals
from shared.months import GB
from shared.refusals import REGISTRY, Code, Refused, Retry
from shared.tiers import TIERS, Tier

GOLDEN = Path(__file__).parent / "golden" / "refusals"

DOCUMENTED = {
    "INVALID_KEY": refusals.invalid_key(),
    "STREAM_LIMIT_REACHED": refusals.stream_limit_reached(current=1, limit=1),
    "BANDWIDTH_EXCEEDED": refusals.bandwidth_exceeded(used_bytes=50_100_000_000, quota_bytes=50 * GB),
    "KEY_ALREADY_IN_USE": refusals.key_already_in_use("node1"),
    "PROTOCOL_NOT_ALLOWED": refusals.protocol_not_allowed("rtmp", Tier.ANONYMOUS),
    "VIEWER_LIMIT_REACHED": refusals.viewer_limit_reached(current=20, limit=20),
    "QUOTA_EXCEEDED": refusals.quota_exceeded(),
}
OURS = {
    "STREAM_NOT_FOUND": refusals.stream_not_found(),
    "STREAM_OFFLINE": refusals.stream_offline(),
    "INVALID_GRANT": refusals.invalid_grant(),
    "INVALID_REQUEST": refusals.invalid_request("The field is empty.", "key"),
    "UNSUPPORTED_OFFER": refusals.unsupported_offer("Offer one video section.", offered=["VP8"]),
    "RATE_LIMITED": refusals.rate_limited(7),
    "NO_CAPACITY": refusals.no_capacity(),
    "DRAINING": refusals.draining(),
    "UNAUTHORIZED": refusals.unauthorized(),
    "FORBIDDEN": refusals.forbidden("This token is not for that account."),
    "NOT_FOUND": refusals.not_found(),
    "UNAVAILABLE": refusals.unavailable(),
    "BITRATE_EXCEEDED": refusals.bitrate_exceeded(6_000),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_refusal_is_the_contracts_to_the_byte(name: str) -> None:
    """Status and body equal the golden file, which was typed from the contract."""
    golden = (GOLDEN / f"{name}.http").read_bytes()

    refused = DOCUMENTED[name]

    assert golden == str(refused.status).encode() + b"\n" + refused.json() + b"\n"


def test_documented_codes_are_the_contracts_seven() -> None:
    """Nobody adds to what Meshcast documents, or drops from it."""
    assert {code for code, row in REGISTRY.items() if row.documented} == {Code(name) for name in DOCUMENTED}


@pytest.mark.parametrize("refused", [*DOCUMENTED.values(), *OURS.values()], ids=[*DOCUMENTED, *OURS])
def test_body_names_exactly_the_registered_fields(refused: Refused) -> None:
    """The registry, from which the reference page is made, tells the truth about each body."""
    row = REGISTRY[refused.code]
    if refused.code is not Code.UNSUPPORTED_OFFER:  # names both sides' codecs where it has them
        assert list(refused.body()) == ["error", "code", *row.fields]
    assert refused.status == row.status
    assert row.action


def test_every_code_has_a_row_and_a_constructor() -> None:
    """A code without either could not be answered."""
    assert {Code(name) for name in (*DOCUMENTED, *OURS)} == set(Code) == set(REGISTRY)


def test_waiting_is_announced_where_it_helps() -> None:
    """`Retry-After` is on refusals that time cures, and on no other."""
    assert refusals.stream_offline().headers()["Retry-After"] == "3"
    assert refusals.rate_limited(7).headers()["Retry-After"] == "7"
    assert refusals.rate_limited(0).headers()["Retry-After"] == "1"
    assert "Retry-After" not in refusals.invalid_key().headers()
    assert refusals.key_already_in_use("node1", retry_after=4).headers()["Retry-After"] == "4"
    announced = {
        name: refused.headers()["Retry-After"]
        for name, refused in (DOCUMENTED | OURS).items()
        if "Retry-After" in refused.headers()
    }
    assert announced == {
        "STREAM_OFFLINE": "3", "RATE_LIMITED": "7", "NO_CAPACITY": "5", "DRAINING": "2", "UNAVAILABLE": "2",
    }  # fmt: skip
    for code, row in REGISTRY.items():
        assert (row.retry_after is not None) == (code in announced), code
        assert row.retry_after is None or row.retry is Retry.LATER, code


def test_401_challenges() -> None:
    """RFC 9110, section 11.6.1: a 401 carries WWW-Authenticate."""
    assert refusals.invalid_grant().headers()["WWW-Authenticate"].startswith("Bearer ")
    assert "WWW-Authenticate" not in refusals.stream_offline().headers()


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (Tier.ANONYMOUS, "Bandwidth limit reached (50.1/50 GB)"),
        (Tier.REGISTERED, "Bandwidth limit reached (200.4/200 GB)"),
        (Tier.SOLO_CREATOR, "Bandwidth limit reached (501.0/500 GB)"),
        (Tier.CREATOR_PLUS, "Bandwidth limit reached (1002.0/1000 GB)"),
        (Tier.STUDIO_PRO, "Bandwidth limit reached (2004.0/2000 GB)"),
    ],
)
def test_bandwidth_is_written_in_gigabytes_for_every_tier(tier: Tier, expected: str) -> None:
    """1 TB is written `1000 GB`, as the contract's number format has it."""
    quota = TIERS[tier].bytes

    refused = refusals.bandwidth_exceeded(quota * 1002 // 1000, quota)

    assert expected == refused.error
    assert refused.context == {"percentage_used": 100.2}


def test_a_fractional_override_and_an_empty_quota_can_be_written() -> None:
    """An operator may set any number of bytes, none included."""
    assert refusals.bandwidth_exceeded(600_000_000, 500_000_000).error == "Bandwidth limit reached (0.6/0.5 GB)"
    assert json.loads(refusals.bandwidth_exceeded(0, 0).json())["percentage_used"] == 100.0
