"""What a MediaMTX holds against what was admitted to it."""

from typing import Any

import pytest

from sfu.gateway.reporter.admitted import PENDING_SECONDS, AdmittedSessions

STREAM = "b" * 16
NOW = 1_795_532_400.0


class Meter:
    """Adds up the bytes that it is told."""

    def __init__(self) -> None:
        self.totals = [0, 0]

    def received(self, _: str, size: int, _stream: str) -> None:
        """Add what a publisher sent."""
        self.totals[0] += size

    def sent(self, _: str, size: int, _stream: str) -> None:
        """Add what viewers were sent."""
        self.totals[1] += size


@pytest.fixture
def meter() -> Meter:
    """A meter that nothing was counted by."""
    return Meter()


@pytest.fixture
def admitted(meter: Meter) -> AdmittedSessions:
    """MediaMTX's sessions, one of them admitted."""
    made = AdmittedSessions(meter)
    admit(made)
    return made


def admit(
    admitted: AdmittedSessions, session: str = "s1", identity: str | None = "c1", epoch: int = 1, at: float = NOW
) -> None:
    """The hook let a publisher in."""
    told = {"stream": STREAM, "session": session, "account": "acme", "epoch": epoch, "limits": {"viewers": 20}}
    admitted.admit(told, identity, at)


def path(identity: str = "c1", received: int = 0, sent: int = 0, readers: int = 0) -> dict[str, Any]:
    """One path with a source."""
    return {
        "name": STREAM, "source": {"type": "rtmpConn", "id": identity}, "inboundBytes": received, "outboundBytes": sent,
        "readers": [{"type": "srtConn", "id": str(number)} for number in range(readers)],
    }  # fmt: skip


def test_a_session_lives_from_its_appearance_to_its_absence(admitted: AdmittedSessions) -> None:
    """Not from its admission: an encoder that never came is told of as such."""
    assert admitted.streams(NOW) == []
    assert admitted.compare([path(received=1000, readers=2)], NOW + 1).began
    (report,) = admitted.streams(NOW + 1.2)
    assert (report.session, report.viewers, report.silent_ms) == ("s1", 2, 200)
    (ended,) = admitted.compare([], NOW + 2).ended
    assert (ended.session, ended.account, ended.reason) == ("s1", "acme", "gone")
    assert admitted.streams(NOW + 2) == []


def test_a_publisher_that_never_comes_frees_its_slot(admitted: AdmittedSessions) -> None:
    """The control plane hears of it after a while."""
    assert admitted.compare([], NOW + PENDING_SECONDS).ended == ()
    (ended,) = admitted.compare([], NOW + PENDING_SECONDS + 1).ended
    assert ended.reason == "never came"


def test_bytes_are_counted_once(admitted: AdmittedSessions, meter: Meter) -> None:
    """As differences; a path that was made anew counts from nought."""
    for received, sent in ((1000, 0), (3000, 500), (3000, 500), (200, 100)):
        admitted.compare([path(received=received, sent=sent)], NOW + 1)

    assert meter.totals == [3200, 600]


def test_silence_is_bytes_that_do_not_come(admitted: AdmittedSessions) -> None:
    """MediaMTX says nothing of packets, but its counter stands still."""
    admitted.compare([path(received=1000)], NOW + 1)
    admitted.compare([path(received=1000)], NOW + 4)

    assert admitted.streams(NOW + 4)[0].silent_ms == 3000


def test_whom_nobody_admitted_is_a_stranger(admitted: AdmittedSessions) -> None:
    """Unless its path is awaited: RTSP lists another id than it asked by."""
    assert admitted.compare([path("other")], NOW + 1).unadmitted == ()
    assert admitted.compare([path("other"), {**path("third"), "name": "c" * 16}], NOW + 1).unadmitted == (
        ("rtmpConn", "third"),
    )
    assert admitted.compare([path("fourth")], NOW + 2).unadmitted == (("rtmpConn", "fourth"),)


def test_a_successor_replaces_its_predecessor(admitted: AdmittedSessions) -> None:
    """On one path, each told of as itself."""
    admitted.compare([path("c1")], NOW)
    admit(admitted, "s2", "c2", epoch=2)
    (ended,) = admitted.compare([path("c2")], NOW + 1).ended

    assert ended.session == "s1"
    assert [stream.session for stream in admitted.streams(NOW + 1)] == ["s2"]


def test_a_command_names_connections(admitted: AdmittedSessions) -> None:
    """By session, stream or account; what has not come yet becomes a stranger."""
    admit(admitted, "s2", "c2", epoch=2)
    admitted.compare([path("c1")], NOW)

    assert admitted.connections(session=None, stream=None, account="acme") == [("rtmpConn", "c1")]
    assert admitted.compare([path("c1"), path("c2")], NOW).unadmitted == (("rtmpConn", "c2"),)
