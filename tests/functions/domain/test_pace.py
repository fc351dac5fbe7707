"""How a receiver's answers change what it gets next."""

from functions.domain.pace import IN_FLIGHT, MAX_REST_SECONDS, QUICK, REST_SECONDS, SLOW_SECONDS, TIRED, Pace


def test_a_quick_answer_forgives_everything() -> None:
    """A receiver that answers in time is in the quick lane from then on."""
    tired = Pace(500.0, TIRED + 1, 400.0)

    assert tired.after(timeout=False, seconds=0.2, now=100.0) == QUICK
    assert not QUICK.slow(0.0)


def test_a_slow_answer_leads_to_the_slow_lane_for_a_while() -> None:
    """It has all attempts there: it answers, if slowly."""
    slow = QUICK.after(timeout=False, seconds=2.0, now=100.0)

    assert [slow.slow(now) for now in (100.0, 99.9 + SLOW_SECONDS, 100.0 + SLOW_SECONDS)] == [True, True, False]
    assert slow.permits == IN_FLIGHT


def test_time_limits_in_a_row_earn_a_rest_that_doubles() -> None:
    """After the fifth it is left alone, gets one attempt then, and waits twice as long after each further one."""
    pace, rests = QUICK, []
    for _ in range(TIRED + 12):
        pace = pace.after(timeout=True, seconds=10.0, now=0.0)
        rests.append(pace.rests_until)

    assert rests[: TIRED + 2] == [0.0] * (TIRED - 1) + [REST_SECONDS, 2 * REST_SECONDS, 4 * REST_SECONDS]
    assert rests[-1] == MAX_REST_SECONDS
    assert pace.permits == 1
