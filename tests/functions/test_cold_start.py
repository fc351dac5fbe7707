"""How fast admission is, cold and warm, as shipped and against the least possible. `make bench-admission` runs these."""

from pathlib import Path

import pytest

from tests.bench.control_plane import coldstart, warm


@pytest.mark.bench
def test_a_cold_admission_costs_little_more_than_a_client(aws_endpoint: str, tmp_path: Path) -> None:
    """At most 1.5 times `import boto3` and one client, with the .pyc files that the build ships."""
    figures = coldstart.measure(aws_endpoint, tmp_path)

    print(figures)  # noqa: T201 - the figures
    assert figures.ratio <= coldstart.BAR


@pytest.mark.bench
def test_a_warm_admission_costs_at_most_three_bare_writes(aws_endpoint: str, tmp_path: Path) -> None:
    """The median of both, turn by turn in one process against one server."""
    figures = warm.measure(aws_endpoint, tmp_path)

    print(figures)  # noqa: T201 - the figures
    assert figures.ratio <= warm.BAR
