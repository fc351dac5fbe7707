"""The limit by address that lives in a process's memory: its arithmetic, and that its memory is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.edge.client_rate import MAX_CLIENTS, ClientRateLimit
from shared.rate import Rate

NOW = 1_795_532_400.0


@given(pauses=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_client_gets_more_than_its_rate(pauses: list[float]) -> None:
    """Through any window: the burst, and what grew during it; and a refusal says truly when to come."""
    rate, now, passed = Rate(5, 0.5), NOW, list[float]()
    client_rate = ClientRateLimit(rate)

    for pause in pauses:
        now += pause
        wait = client_rate.take("203.0.113.7", now)
        if wait > 0:
            assert wait <= rate.seconds
            now += wait + 1e-3
            assert client_rate.take("203.0.113.7", now) == 0
        passed.append(now)

    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= rate.burst + (passed[last] - passed[first]) / rate.seconds + 1


def test_memory_is_bounded_and_busy_clients_are_kept_while_there_is_room() -> None:
    """A flood of addresses from which nobody comes twice takes nothing from who is being held back."""
    client_rate = ClientRateLimit(Rate(1, 60))
    assert client_rate.take("203.0.113.7", NOW) == 0
    fast = ClientRateLimit(Rate(2, 0.001))
    for number in range(3 * MAX_CLIENTS):
        fast.take(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1", NOW + number / 100)
        assert len(fast) <= MAX_CLIENTS

    assert client_rate.take("203.0.113.7", NOW + 30) == pytest.approx(30)
    for number in range(MAX_CLIENTS // 3):
        client_rate.take(f"2001:db8::{number:x}:0:0:0:1", NOW)
    assert client_rate.take("203.0.113.7", NOW + 30) > 0
