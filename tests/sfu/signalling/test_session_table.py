"""Session URLs live, end, and are remembered for a minute."""

from sfu.negotiation import DtlsRole, IceCredentials, Negotiated
from sfu.signalling.session_table import MAX_FORMER, MAX_REMEMBERED, Directory, Resource


def resource(name: str = "1") -> Resource:
    """A resource of the session `session<name>`."""
    credentials = IceCredentials("ufrag", "p" * 22)
    negotiated = Negotiated("", credentials, credentials, (), DtlsRole.SERVER, ())
    return Resource(f"secret{name}", f"session{name}", "stream", "publish", negotiated, "e", credentials, credentials)


def test_a_deleted_session_is_unknown_at_once() -> None:
    """Its end, reported by the media plane afterwards, does not bring it back."""
    directory = Directory()
    directory.add(one := resource())

    directory.delete(one)
    directory.ended("session1", 0)

    assert directory.find("secret1") is None
    assert not directory.take_departed("secret1", 0)
    assert len(directory) == 0


def test_a_session_that_ended_by_itself_can_be_deleted_once_within_a_minute() -> None:
    """OBS closes DTLS before it sends its DELETE."""
    directory = Directory()
    for name in "12":
        directory.add(resource(name))
        directory.ended(f"session{name}", 0)

    assert directory.find("secret1") is None
    assert directory.take_departed("secret1", 59)
    assert not directory.take_departed("secret1", 59)
    assert not directory.take_departed("secret2", 60)


def test_memory_of_ended_sessions_is_bounded() -> None:
    """However many end within the minute."""
    directory = Directory()
    for number in range(MAX_REMEMBERED + 5):
        directory.add(resource(str(number)))
        directory.ended(f"session{number}", 0)

    assert not directory.take_departed("secret4", 1)
    assert directory.take_departed("secret5", 1)


def test_an_end_of_an_unknown_session_changes_nothing() -> None:
    """The plane tells of all, those that were refused before they had a URL too."""
    Directory().ended("nobody", 0)


def test_former_credentials_are_bounded() -> None:
    """A client may restart ICE for ever."""
    one = resource()
    for number in range(20):
        one.restart(one.local, IceCredentials(f"u{number}", "p" * 22), str(number), number)

    assert one.former == [f"u{number}" for number in range(19 - MAX_FORMER, 19)]
    assert "p" * 22 not in repr(one)
    assert "secret1" not in repr(one)
