"""ICE servers as Link fields."""

from sfu.signalling.ice_servers import IceServer


def test_1a_10_a_link_has_the_order_that_clients_read() -> None:
    """MediaMTX's clients match it by a strict regular expression."""
    server = IceServer("turn:turn.example:3478?transport=udp", "user", 'pa"ss\\word')

    assert server.link() == (
        '<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="user"; credential="pa\\"ss\\\\word";'
        ' credential-type="password"'
    )
    assert IceServer("stun:stun.example:3478").link() == '<stun:stun.example:3478>; rel="ice-server"'
    assert "pa" not in repr(server)
