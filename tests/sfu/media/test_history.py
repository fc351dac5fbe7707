from sfu.media.history import History, Packet


def packet(index: int, at: float, size: int = 1000) -> Packet:
    """A video packet with that number."""
    return (index, index * 3000, 0, bytes(size), (), at)


def test_packets_are_kept_for_the_time_and_forgotten_after_it() -> None:
    """A second and a half by default, so that a late NACK finds what it asks for."""
    history = History(keep=1.5)
    for n in range(40):
        history.add(packet(n, n / 10))
    assert history.get(39) is not None
    assert history.get(25) is not None
    assert history.get(20) is None


def test_the_current_group_is_kept_whole_beyond_that_time() -> None:
    """A new viewer can begin at its first packet, however long ago that was within the bound."""
    history = History(keep=1.0, group_seconds=8.0)
    for n in range(60):
        history.add(packet(n, n / 10))
        if n == 5:
            history.begin_group(5)
    assert history.group == 5
    assert history.get(5) is not None
    assert history.get(4) is None
    assert history.group_age(6.0) == 5.5


def test_a_group_that_outgrows_the_bytes_is_forgotten_whole() -> None:
    """Half a group is a grey picture."""
    history = History(max_bytes=20_000)
    history.add(packet(0, 0.0))
    history.begin_group(0)
    for n in range(1, 40):
        history.add(packet(n, 0.001 * n))
    assert history.group is None
    assert history.size <= 20_000
    assert history.get(39) is not None


def test_a_group_that_outgrows_the_age_is_forgotten_whole() -> None:
    """Catching up with it would take longer than waiting."""
    history = History(keep=1.0, group_seconds=3.0)
    history.add(packet(0, 0.0))
    history.begin_group(0)
    for n in range(1, 50):
        history.add(packet(n, n / 10))
    assert history.group is None
    assert len(history) <= 12


def test_the_same_index_twice_is_one_packet() -> None:
    """A repeated packet of the publisher is not forwarded twice."""
    history = History()
    assert history.add(packet(1, 0.0))
    assert not history.add(packet(1, 0.1))
    assert len(history) == 1
    assert history.size == 1100


def test_what_was_let_go_is_not_taken_again() -> None:
    """Browsers repeat old packets to probe their uplink; nobody is sent and billed such a one twice."""
    history = History(keep=1.0)
    for n in range(30):
        if n != 25:
            history.add(packet(n, n / 10))
    assert not history.add(packet(3, 3.0))
    assert history.add(packet(25, 3.0))  # late, and new
    history.clear()
    assert not history.add(packet(29, 3.1))
    assert history.add(packet(30, 3.1))


def test_a_recovery_point_replaces_no_keyframe_until_that_is_let_go() -> None:
    """Browsers begin at keyframes only; other decoders find the next best place when the keyframe is too old."""
    history = History(keep=1.0, group_seconds=3.0)
    for n in range(60):
        history.add(packet(n, n / 10))
        if n == 0:
            history.begin_group(0)
        if n in (10, 20, 40):
            history.begin_group(n, weak=True)
        if n == 25:
            assert history.group == 0
    assert history.group == 40
    history.begin_group(59)
    assert history.group == 59
    assert history.forgotten >= 20
