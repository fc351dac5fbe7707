"""What `make bench-admission` measures is answered, all of it."""

from pathlib import Path

import pytest

from functions.edge.settings import FunctionSettings
from shared.rate import Rate
from tests.bench.control_plane import throughput


@pytest.mark.long
def test_each_request_of_the_bench_is_answered_as_it_expects(aws_endpoint: str, tmp_path: Path) -> None:
    """More from one address than a client may ask at once: a bench that nobody ran did not notice that limit for weeks."""
    usual = Rate.parse(FunctionSettings.from_environment({}).watch_rate)

    rows = throughput.measure(aws_endpoint, tmp_path, usual.burst + 50)

    assert {row.kind for row in rows} == {"publish", "watch", "watch refused"}
    assert all(row.per_second > 0 for row in rows)
