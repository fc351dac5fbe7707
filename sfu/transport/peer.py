"""The transport to one peer: its address, its DTLS association and its SRTP keys. It knows nothing of streams.

A valid connectivity check gives an address, DTLS gives keys, then media flows. No step is taken before the one ahead of it.
"""

from collections.abc import Callable
from typing import Final

from sfu.negotiation import DtlsRole, Negotiated
from sfu.transport.dtls import DtlsCertificate, DtlsState, Handshake
from sfu.transport.path import Path
from sfu.transport.srtp import Protection
from sfu.transport.udp import Address, UdpSocket

MAX_ADDRESSES: Final = 8
"""Validated addresses of one peer that packets are taken from."""
HELLO_AGAIN: Final = 0.05
"""Seconds, then twice that, and so on, after which an unanswered ClientHello is repeated. FFmpeg reads the first one while
it still waits for its check's answer, and loses it; OpenSSL would repeat it only after one of the five seconds for which
FFmpeg waits."""
HELLOS: Final = 5
"""How often a ClientHello is repeated."""
REMEMBERED: Final = 64
"""Checks whose transaction ids are kept: two minutes of them at least."""
HELD: Final = 3.0
"""Seconds without anything authentic after which a peer's address may be given to another. A publisher that is silent for as long
may be replaced at the API too."""


class Peer:
    """The transport of one session, whose *negotiated* offer and answer name the credentials and fingerprints.

    Times are seconds of the plane's monotonic clock.
    """

    __slots__ = (
        "_certificate",
        "_hello",
        "_hello_at",
        "_hellos",
        "_shown",
        "_transactions",
        "_udp",
        "addresses",
        "connected_at",
        "handshake",
        "last_seen",
        "negotiated",
        "passwords",
        "path",
        "protection",
        "proved",
        "secure",
    )

    def __init__(self, certificate: DtlsCertificate, negotiated: Negotiated, udp: UdpSocket, now: float) -> None:
        self._certificate = certificate
        self._udp = udp
        self.negotiated = negotiated
        self.passwords = {negotiated.local.ufrag: negotiated.local.pwd}
        """Ours by ufrag: after an ICE restart the old ones are good until the new ones were used."""
        self.path = Path()
        self.addresses: dict[Address, None] = {}
        self._transactions: dict[bytes, Address] = {}
        self._shown: set[Address] = set()
        """The addresses that the handshake's flights were sent to."""
        self.proved: Address | None = None
        """Where the client is without a doubt: it finished a handshake that was sent to there and nowhere else. A check
        proves no address, for its source can be written by anybody who has keys of any session."""
        self.connected_at: float | None = None
        self.handshake: Handshake | None = None
        self._hello: list[bytes] = []
        """Our first flight as DTLS client, until something is answered."""
        self._hello_at = 0.0
        self._hellos = 0
        self.last_seen = now
        """When something authenticated arrived last."""
        self.protection: Protection | None = None
        self.secure = False

    def replayed(self, transaction: bytes, address: Address) -> bool:
        """Whether a check with this *transaction* id came from another address before.

        Then somebody on the way sends a copy of it, to have the media sent to him. A client repeats a check from where it was, and
        makes a new one where it has moved to.
        """
        known = self._transactions.setdefault(transaction, address)
        if len(self._transactions) > REMEMBERED:
            del self._transactions[next(iter(self._transactions))]
        return known != address

    @property
    def address(self) -> Address | None:
        """The address that packets go to; None before the first valid check."""
        return self.path.selected

    @property
    def settled(self) -> Address | None:
        """The address that packets go to, if the peer has spoken from there; else it may be anybody's, and is None."""
        return self.path.selected if self.path.until is None else None

    def checked(self, address: Address, now: float, *, nominates: bool) -> bool:
        """Take a valid check from *address*; whether packets are to be sent elsewhere from now on."""
        self.last_seen = now
        self.addresses.pop(address, None)
        self.addresses[address] = None
        return self.path.checked(address, now, nominates=nominates)

    def holds(self, address: Address, now: float) -> bool:
        """Whether *address* is to stay this peer's though somebody else checks from there."""
        return address == self.proved == self.address and now - self.last_seen < HELD

    def excess_address(self) -> Address | None:
        """Take out the oldest address above MAX_ADDRESSES; None where there are no more than that."""
        if len(self.addresses) <= MAX_ADDRESSES:
            return None
        oldest = next(known for known in self.addresses if known != self.address)
        del self.addresses[oldest]
        self.path.forget(oldest)
        return oldest

    def begin_handshake(self, now: float) -> None:
        """Make the DTLS association after the first valid check, and speak first if that is our role."""
        if self.handshake is None:
            self.handshake = Handshake(
                self._certificate, self.negotiated.dtls_role, self.negotiated.remote_fingerprints
            )
            if self.negotiated.dtls_role is DtlsRole.CLIENT:
                self._hello = self.handshake.start()
                self._hello_at = now + HELLO_AGAIN
                self._send(self._hello)

    def dtls(self, datagram: bytes, address: Address, now: float) -> DtlsState | None:
        """Take a DTLS datagram from *address*; returns the state of the association, None where there is none."""
        if self.handshake is None:
            return None
        self._hello = []
        self._send(self.handshake.receive(datagram))
        if self.handshake.state is DtlsState.CONNECTED and self.protection is None and self.handshake.keys is not None:
            self.protection = Protection(self.handshake.keys, self._udp.fanout)
            self.handshake.keys = None
            self.connected_at = now
            self.last_seen = now
            self.secure = True
            self.path.secured(address, now)
            if len(self._shown) == 1:
                self.proved = next(iter(self._shown))
        return self.handshake.state

    def tick_handshake(self, now: float) -> None:
        """Repeat a flight of the handshake whose answer did not come in time."""
        if self.handshake is None:
            return
        if self._hello and self._hellos < HELLOS and now >= self._hello_at:
            self._hellos += 1
            self._hello_at = now + HELLO_AGAIN * 2**self._hellos
            self._send(self._hello)
        self._send(self.handshake.timer())

    def send_rtcp(self, compound: bytes) -> None:
        """Send an RTCP *compound* as SRTCP, where there are keys and an address."""
        if self.protection is not None and self.address is not None:
            self._udp.send(self.protection.seal_rtcp(compound), self.address)

    def close(self, farewell: Callable[[], bytes | None]) -> None:
        """End the transport: send the BYE that *farewell* makes, if it makes one, and close_notify.

        FFmpeg gets no close_notify: after the handshake its muxer (8.1 to 9.0 at least) takes a DTLS record for something to write,
        makes its socket blocking by that, and then waits in a read for ever; no supervisor restarts it. It understands ICMP,
        at once, and missing consent, after 30 s.
        """
        if self.protection is not None and (compound := farewell()):
            self.send_rtcp(compound)
        if self.handshake is not None:
            last = self.handshake.close()
            if self.negotiated.hears_close:
                self._send(last)
            elif self.secure and self.settled is not None:
                self._udp.refuse(self.settled)
        self.secure = False

    def _send(self, datagrams: list[bytes]) -> None:
        if self.address is not None and datagrams:
            if not self.secure:
                self._shown.add(self.address)
            for datagram in datagrams:
                self._udp.send(datagram, self.address)
