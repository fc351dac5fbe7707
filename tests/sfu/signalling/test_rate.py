"""Token buckets that do not punish retries."""

from sfu.signalling.rate import RateLimit


def test_a_burst_and_then_the_rate() -> None:
    """Each key has its own."""
    limit = RateLimit(per_second=2, burst=3)

    assert [limit.wait("a", 0) for _ in range(4)] == [0, 0, 0, 1]
    assert limit.wait("b", 0) == 0
    assert limit.wait("a", 0.5) == 0


def test_1a_21_asking_too_early_does_not_extend_the_ban() -> None:
    """A client that hammers gets in when one that waits would have."""
    limit = RateLimit(per_second=0.1, burst=1)
    limit.wait("a", 0)

    waits = [limit.wait("a", now) for now in range(1, 10)]

    assert waits == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert limit.wait("a", 10) == 0


def test_memory_is_bounded() -> None:
    """Full buckets are forgotten; a full table forgets the oldest."""
    limit = RateLimit(per_second=1, burst=1, max_keys=100)
    for number in range(1000):
        limit.wait(str(number), 0)
    assert len(limit) == 100

    limit.wait("later", 10)
    assert len(limit) == 1
