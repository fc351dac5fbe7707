import pytest

from tests.peers.protocol import dtls


def shake(client: dtls.Handshake, server: dtls.Handshake) -> None:
    """Carry datagrams to and fro until there are none."""
    to_server, to_client = client.start(), server.start()
    while to_server or to_client:
        to_client += [out for data in to_server for out in server.receive(data)]
        to_server = [out for data in to_client for out in client.receive(data)]
        to_client = []


def pair(client: dtls.Identity, server: dtls.Identity, fingerprint: str | None = None) -> tuple[dtls.Handshake, ...]:
    """Both ends of one association."""
    return (
        dtls.Handshake(client, client=True, fingerprint=server.fingerprint),
        dtls.Handshake(server, client=False, fingerprint=fingerprint or client.fingerprint),
    )


@pytest.mark.parametrize("profile", list(dtls.Profile))
def test_both_ends_get_the_same_keys(profile: dtls.Profile) -> None:
    """One end's local keys are the other's remote ones, for the profile that both know."""
    client, server = pair(dtls.Identity(), dtls.Identity((profile,)))

    shake(client, server)

    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.profile is profile
    assert (client.keys.local_key, client.keys.local_salt) == (server.keys.remote_key, server.keys.remote_salt)
    assert (client.keys.remote_key, client.keys.remote_salt) == (server.keys.local_key, server.keys.local_salt)


def test_a_certificate_that_was_not_announced_is_refused() -> None:
    """The fingerprint in the signalling decides."""
    client, server = pair(dtls.Identity(), dtls.Identity(), fingerprint="AB:CD")

    shake(client, server)

    assert server.keys is None
    assert server.closed


def test_close_notify_arrives() -> None:
    """The other end knows that the association is over."""
    client, server = pair(dtls.Identity(), dtls.Identity())
    shake(client, server)

    for data in client.close():
        server.receive(data)

    assert server.closed
