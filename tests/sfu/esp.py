"""Whether this kernel handles IPsec's ESP, built in or loaded: then it has no peer told that a port is closed to it."""

import socket


def handles_esp(host: str) -> bool:
    """Of the family of *host*, a loopback address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ours, socket.socket(family, socket.SOCK_DGRAM) as theirs:
        ours.bind((host, 0))
        try:
            ours.setsockopt(socket.IPPROTO_UDP, 100, 2)  # UDP_ENCAP, ESP in UDP
        except OSError:
            return True  # it knows nothing of either, with the same outcome
        theirs.connect(ours.getsockname())
        theirs.settimeout(1)
        theirs.send(b"\x80" + bytes(99))
        try:
            theirs.recv(100)
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            return True
    raise AssertionError("nobody answers")
