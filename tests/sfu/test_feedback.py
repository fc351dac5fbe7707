from sfu.feedback import KeyframeRequests


def test_a_storm_of_requests_is_one_request_each_half_second() -> None:
    """However many viewers ask."""
    requests = KeyframeRequests()
    sent = 0
    for n in range(1000):
        requests.ask()
        sent += requests.due(n / 1000)
    assert sent == 2


def test_a_request_within_the_window_is_remembered_and_sent_at_its_end() -> None:
    """And not lost (P18)."""
    requests = KeyframeRequests()
    requests.ask()
    assert requests.due(0.0)
    requests.arrived(0.1)
    requests.ask()
    assert not requests.due(0.2)
    assert requests.due(0.5)


def test_it_is_repeated_until_a_keyframe_arrives() -> None:
    """A request may be lost on its way."""
    requests = KeyframeRequests()
    requests.ask()
    assert [requests.due(n * 0.5) for n in range(4)] == [True] * 4
    requests.arrived(1.9)
    assert not requests.due(2.5)


def test_a_source_that_never_answers_is_left_alone_after_a_while() -> None:
    """OBS and FFmpeg have no handler for it."""
    requests = KeyframeRequests()
    requests.ask()
    assert sum(requests.due(n * 0.5) for n in range(100)) == 20
    assert not requests.pending


def test_a_source_that_answers_is_known_to() -> None:
    """Only what comes soon after a request counts."""
    requests = KeyframeRequests()
    requests.arrived(0.0)
    assert not requests.responsive
    requests.ask()
    requests.due(1.0)
    requests.arrived(1.2)
    assert requests.responsive
