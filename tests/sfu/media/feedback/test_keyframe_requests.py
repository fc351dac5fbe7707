from sfu.media.feedback.keyframe_requests import KeyframeRequests


def test_a_storm_of_requests_is_one_request_each_half_second() -> None:
    """It does not matter how many viewers ask."""
    requests = KeyframeRequests()
    sent = 0
    for n in range(1000):
        requests.ask()
        sent += requests.due(n / 1000)
    assert sent == 2


def test_a_request_within_the_window_is_remembered_and_sent_at_its_end() -> None:
    """So no viewer's request is lost."""
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


def test_a_keyframe_that_comes_while_one_asks_again_and_again_is_no_answer() -> None:
    """Any comes within a moment of the last of twenty requests: the first one counts."""
    requests = KeyframeRequests()
    requests.ask()
    for n in range(9):
        requests.due(n * 0.5)
    assert requests.ignored(4.1)
    requests.arrived(4.1)
    assert not requests.responsive
    assert requests.ignored(5.0)


def test_a_source_that_stops_answering_is_known_to() -> None:
    """The last evidence counts, in both directions."""
    requests = KeyframeRequests()
    found = []
    for asked, arrived in ((0.0, 0.1), (5.0, 9.0), (10.0, 10.2)):
        requests.ask()
        requests.due(asked)
        found.append((requests.ignored(asked + 0.9), requests.ignored(asked + 1.1)))
        requests.arrived(arrived)
        found.append((requests.responsive, requests.ignored(20.0)))
    assert found == [
        (False, True),
        (True, False),
        (False, True),
        (False, True),
        (True, True),
        (True, False),
    ]


def test_a_keyframe_that_was_on_its_way_already_says_nothing() -> None:
    """The first of a stream is asked for while it arrives."""
    requests = KeyframeRequests()
    requests.ask()
    requests.due(1.0)
    requests.arrived(1.1, 0.99)
    assert not requests.responsive
    assert not requests.ignored(60.0)
