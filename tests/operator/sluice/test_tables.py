"""What people are shown of an answer."""

from functions.admin import models
from functions.edge.bodies import ReplyBody
from functions.public.models import TierLimits
from sluice.tables import COLUMNS, SIZES, is_moment, table


def test_a_table_lines_up() -> None:
    """Each column is as wide as its widest cell, and a missing value is a dash."""
    keys = [{"stream": "abc", "label": "studio", "created": 1796078523.155, "revoked_at": None}]

    assert table({"account": "acme", "used_bytes": 1_500_000_000, "keys": keys}) == (
        "account       acme\n"
        "used_bytes    1.5 GB\n"
        "stream  label   created               revoked_at\n"
        "abc     studio  2026-11-30T22:42:03Z  -"
    )


def test_every_moment_and_every_size_of_the_api_is_shown_as_one() -> None:
    """A field with a fraction is a moment, or has its unit in its name; numbers of bytes are named as such."""
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, ReplyBody):
            for name, field in model.model_fields.items():
                if field.annotation in (float, float | None):
                    assert is_moment(name) != name.endswith("_seconds"), f"{model.__name__}.{name}"
                if "bytes" in name:
                    assert name in SIZES, f"{model.__name__}.{name}"


def test_a_moment_beyond_the_calendar_is_no_traceback() -> None:
    """Such a number is shown as it came."""
    assert "9e+17" in table({"created": 9e17})


def test_a_tier_is_shown_whole() -> None:
    """Every limit that the API tells of it has a column."""
    assert set(COLUMNS["tiers"]) == set(TierLimits.model_fields)
