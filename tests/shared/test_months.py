"""Months are UTC calendar months."""

from datetime import UTC, datetime

import pytest

from shared.months import month_end, month_of


@pytest.mark.parametrize(
    ("at", "month", "end"),
    [
        ("2026-11-30T23:59:59", "2026-11", "2026-12-01T00:00:00"),
        ("2026-12-01T00:00:00", "2026-12", "2027-01-01T00:00:00"),
        ("2028-02-29T12:00:00", "2028-02", "2028-03-01T00:00:00"),
    ],
)
def test_a_month_ends_where_the_next_begins(at: str, month: str, end: str) -> None:
    """The boundary belongs to the new month."""
    now = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()

    assert month == month_of(now)
    assert datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp() == month_end(now)
