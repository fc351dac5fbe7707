"""Session URLs live, end, and are remembered for a minute."""

from sfu.negotiation import DtlsRole, IceCredentials, Negotiated
from sfu.signalling.http_sessions import MAX_FORMER, MAX_REMEMBERED, HttpSession, HttpSessions


def http_session(name: str = "1") -> HttpSession:
    """The session `session<name>`, whose secret is `secret<name>`."""
    credentials = IceCredentials("ufrag", "p" * 22)
    negotiated = Negotiated("", credentials, credentials, (), DtlsRole.SERVER, ())
    return HttpSession(
        f"secret{name}", f"session{name}", "stream", "publish", negotiated, "e", credentials, credentials
    )


def test_a_deleted_session_is_unknown_at_once() -> None:
    """Its end, reported by the media plane afterwards, does not bring it back."""
    table = HttpSessions()
    table.add(one := http_session())

    table.delete(one)
    table.ended("session1", 0)

    assert table.find("secret1") is None
    assert not table.take_departed("secret1", 0)
    assert len(table) == 0


def test_a_session_that_ended_by_itself_can_be_deleted_once_within_a_minute() -> None:
    """OBS closes DTLS before it sends its DELETE."""
    table = HttpSessions()
    for name in "12":
        table.add(http_session(name))
        table.ended(f"session{name}", 0)

    assert table.find("secret1") is None
    assert table.take_departed("secret1", 59)
    assert not table.take_departed("secret1", 59)
    assert not table.take_departed("secret2", 60)


def test_memory_of_ended_sessions_is_bounded() -> None:
    """However many end within the minute."""
    table = HttpSessions()
    for number in range(MAX_REMEMBERED + 5):
        table.add(http_session(str(number)))
        table.ended(f"session{number}", 0)

    assert not table.take_departed("secret4", 1)
    assert table.take_departed("secret5", 1)


def test_an_end_of_an_unknown_session_changes_nothing() -> None:
    """The plane tells of all, those that were refused before they had a URL too."""
    HttpSessions().ended("nobody", 0)


def test_former_credentials_are_bounded() -> None:
    """A client may restart ICE for ever."""
    one = http_session()
    for number in range(20):
        one.restart(one.local, IceCredentials(f"u{number}", "p" * 22), str(number), number)

    assert one.former == [f"u{number}" for number in range(19 - MAX_FORMER, 19)]
    assert "p" * 22 not in repr(one)
    assert "secret1" not in repr(one)
