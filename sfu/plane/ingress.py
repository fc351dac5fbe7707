"""Which session a datagram is for, and what it is (RFC 7983): STUN, DTLS, SRTP or SRTCP.

A stranger's datagram is counted and dropped: nothing is answered and nothing is kept. Only a check with a session's
password binds an address to it, and none takes the address of another session whose client is known to be there.
"""

from collections.abc import Callable
from typing import Final

from sfu.media.track import ForwardedTrack
from sfu.negotiation import IceCredentials
from sfu.plane.publisher import Publisher
from sfu.plane.session import MediaSession
from sfu.plane.viewer import Viewer
from sfu.stats import PlaneStats
from sfu.transport import ice
from sfu.transport.dtls import DtlsState
from sfu.transport.flood_filter import MOST_KNOWN, FloodFilter, program
from sfu.transport.udp import Address, UdpSocket
from shared.end_reasons import EndReason

MAX_HALF_OPEN: Final = 512
"""Handshakes in progress at once, some 70 kB each; the next one begins when one is done or gave up."""


RENEWAL: Final = 20e-6
"""Seconds for each known address until the filter is made anew again: ten times what making it takes, since whoever has keys
of a session can bring a new address with each check."""
MAX_GONE: Final = 64
REFUSALS: Final = 200
"""Datagrams of an ended session that are answered by ICMP, where the client hears nothing else."""
LATE: Final = 0.1
STALE: Final = 1.5
"""Seconds in the socket's queue after which media is thrown away unread: where the node cannot keep up, the queue would
stay full, and everybody seconds behind. Control traffic is read at any age; it is what keeps sessions alive."""


class Ingress:
    """Takes every datagram of the socket to the session that it is for; calls its hooks when one connects, closes or first sends."""

    def __init__(
        self,
        stats: PlaneStats,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        on_connected: Callable[[MediaSession, float], None],
        on_closed: Callable[[MediaSession, str], bool],
        on_first_packet: Callable[[Publisher], None],
    ) -> None:
        self.own = ice.new_credentials(random_bytes)
        """ICE credentials of no session: with these the node tries whether it can be reached."""
        self._stats = stats
        self._clock = clock
        self._wall = wall
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._on_first_packet = on_first_packet
        self._by_ufrag: dict[str, MediaSession] = {}
        self._by_address: dict[Address, MediaSession] = {}
        self.half_open: dict[MediaSession, None] = {}
        self.on_trial: dict[MediaSession, None] = {}
        """Those whose packets go to an address that has not spoken yet."""
        self.udp: UdpSocket | None = None
        self._fed: dict[ForwardedTrack, None] = {}
        """Tracks with packets to send, in order."""
        self._heard_from: dict[Publisher, None] = {}
        """Publishers with bytes to be metered."""
        self._gone: dict[Address, int] = {}
        """Where the clients of ended sessions were that do not hear a close_notify, and how many more of their datagrams are answered by ICMP."""
        self._shield = FloodFilter()
        self._shielded: tuple[frozenset[Address], float] | None = None
        """The addresses and the share by which the filter that is attached was made."""
        self._renewable_at = float("-inf")

    def admit(self, session: MediaSession) -> None:
        """Take checks for *session* from now on."""
        for ufrag in session.peer.passwords:
            self._by_ufrag[ufrag] = session

    def restart(self, session: MediaSession, local: IceCredentials) -> None:
        """Take *local* as well as the last credentials, after an ICE restart; earlier ones no more (RFC 9725, section 4.3.3)."""
        passwords = session.peer.passwords
        while len(passwords) > 1:
            oldest = next(iter(passwords))
            del passwords[oldest]
            self._by_ufrag.pop(oldest, None)
        passwords[local.ufrag] = local.pwd
        self._by_ufrag[local.ufrag] = session

    def dismiss(self, session: MediaSession) -> None:
        """Forget *session*: neither its checks nor its packets are taken any more."""
        for ufrag in session.peer.passwords:
            self._by_ufrag.pop(ufrag, None)
        for address in session.peer.addresses:
            if self._by_address.get(address) is session:
                del self._by_address[address]
        self.half_open.pop(session, None)
        self.on_trial.pop(session, None)
        peer = session.peer
        if peer.settled is not None and peer.connected_at is not None and not peer.negotiated.hears_close:
            self._gone[peer.settled] = REFUSALS
            if len(self._gone) > MAX_GONE:
                del self._gone[next(iter(self._gone))]

    def _refuse_again(self, address: Address) -> None:
        """Refuse once more, as a kernel does: FFmpeg notes it in a read only, and the one before may have met a write."""
        left = self._gone.pop(address, 0)
        if left and self.udp is not None and self.udp.refuse(address) and left > 1:
            self._gone[address] = left - 1

    def feed(self, track: ForwardedTrack) -> None:
        """Note that *track* has something to send."""
        self._fed[track] = None

    def is_feeding(self) -> bool:
        """Whether a track has something to send that was not taken yet."""
        return bool(self._fed)

    def take_ready(self, now: float) -> list[ForwardedTrack]:
        """The tracks whose frames are to go out now, in order; those whose begun frame waits for its rest stay."""
        ready = [track for track in self._fed if track.ready(now)]
        for track in ready:
            del self._fed[track]
        return ready

    def take_heard_from(self) -> dict[Publisher, None]:
        """The publishers that sent something since the last time this was asked."""
        heard, self._heard_from = self._heard_from, {}
        return heard

    def datagram(self, datagram: bytes, address: Address) -> None:
        """Take one datagram from the socket's queue, whatever it is."""
        first = datagram[0]
        if 128 <= first < 192 and len(datagram) > 12:
            session = self._by_address.get(address)
            if session is None:
                self._stats.dropped_unknown_address += 1
                if self._gone:
                    self._refuse_again(address)
            elif 192 <= datagram[1] < 224:
                self._rtcp(session, datagram, address)
            elif isinstance(session, Publisher):
                self._rtp(session, datagram, address)
            else:
                self._stats.dropped_rtp += 1
        elif 20 <= first < 64:
            self._dtls(datagram, address)
        elif first < 4:
            self._stun(datagram, address)
        else:
            self._stats.dropped_garbage += 1

    def _rtp(self, session: Publisher, datagram: bytes, address: Address) -> None:
        waited = 0.0 if self.udp is None else self.udp.waited
        if waited > LATE:
            if waited > STALE:
                self._stats.dropped_stale += 1
                return
            self._stats.late_packets += 1
        first = session.first_packet_at is None
        now, before, path = self._clock(), session.received, session.peer.path
        track = session.rtp(datagram, now, waited)
        if session.received != before:
            if address == path.selected and path.until is None:
                path.alive_at = now
            else:
                self._heard(session, address, now)
        if track is not None:
            self._fed[track] = None
            self._heard_from[session] = None
        if first and session.first_packet_at is not None:
            self._on_first_packet(session)

    def _rtcp(self, session: MediaSession, datagram: bytes, address: Address) -> None:
        now = self._clock()
        if session.rtcp(datagram, now, self._wall()):
            self._heard(session, address, now)

    def _heard(self, session: MediaSession, address: Address, now: float) -> None:
        """Note that something authentic came from *address*: the client is alive, and packets may go there."""
        self._follow(session, moved=session.peer.path.heard(address, now))

    def lapse(self, now: float) -> None:
        """Send packets to the old address again, where nobody spoke from the new one in time."""
        for session in list(self.on_trial):
            self._follow(session, moved=session.peer.path.lapse(now))

    def guard(self, now: float) -> None:
        """Put the kernel's filter on, renew it or take it off, as strangers and sessions come and go; called at every tick."""
        stats, udp, shield = self._stats, self.udp, self._shield
        if udp is None:
            return
        read = stats.dropped_unknown_address + stats.dropped_stun + stats.dropped_dtls + stats.dropped_garbage
        shield.judge(read, stats.dropped_shed if shield.share is None else udp.count_shed(), udp.waited, now)
        if shield.share is None:
            if self._shielded is not None:
                udp.filter(None)
                self._shielded = None
            return
        stats.floods += self._shielded is None
        self._renew(udp, shield.share, now)

    def _renew(self, udp: UdpSocket, share: float, now: float) -> None:
        """Make the filter anew, so that it lets in every address that is known by now."""
        if now < self._renewable_at:
            return
        wanted = (self._known(), share)
        if wanted != self._shielded:
            self._shielded = wanted
            self._renewable_at = now + RENEWAL * len(wanted[0])
            if len(wanted[0]) > MOST_KNOWN or not udp.filter(program(*wanted)):
                udp.filter(None)  # an old one would keep sessions away that are new

    def _known(self) -> frozenset[Address]:
        """Every address of every session; where these are too many, those that packets go to: one for each session."""
        if len(self._by_address) <= MOST_KNOWN:
            return frozenset(self._by_address)
        return frozenset(address for address, session in self._by_address.items() if session.peer.address == address)

    def _follow(self, session: MediaSession, *, moved: bool) -> None:
        path = session.peer.path
        if path.until is not None:
            self.on_trial[session] = None
        elif self.on_trial:
            self.on_trial.pop(session, None)
        if moved and isinstance(session, Viewer) and path.selected is not None:
            session.moved(path.selected)

    def _stun(self, datagram: bytes, address: Address) -> None:
        ufrag = ice.local_ufrag(datagram)
        if ufrag == self.own.ufrag:
            self._try_ourselves(datagram, address)
            return
        session = None if ufrag is None else self._by_ufrag.get(ufrag)
        check = (
            None
            if session is None or ufrag is None
            else ice.answer_check(datagram, session.peer.passwords[ufrag], address)
        )
        if (
            session is None
            or check is None
            or self.udp is None
            or self._is_anothers(address, session)
            or session.peer.replayed(check.transaction, address)
        ):
            self._stats.dropped_stun += 1
            return
        self._stats.checks += 1
        peer = session.peer
        if check.nominates:
            self._retire(session, ufrag)
        self._follow(session, moved=peer.checked(address, self._clock(), nominates=check.nominates))
        known = self._by_address.get(address) is session
        self._by_address[address] = session
        self._gone.pop(address, None)
        if (excess := peer.excess_address()) is not None and self._by_address.get(excess) is session:
            del self._by_address[excess]
        if self._shielded is not None and not known:
            self._renew(self.udp, self._shielded[1], self._clock())  # its handshake comes within moments
        self.udp.send(check.response, address)
        if peer.handshake is None and len(self.half_open) < MAX_HALF_OPEN:
            self.half_open[session] = None
            peer.begin_handshake(self._clock())

    def _is_anothers(self, address: Address, session: MediaSession) -> bool:
        """Whether a live session other than *session* is at *address*.

        The check is not answered: the answer would go to that one, and an honest client that did get it would take itself
        for connected while its DTLS goes to the other session. Unanswered it checks again, until the other is silent.
        """
        owner = self._by_address.get(address)
        return owner is not None and owner is not session and owner.peer.holds(address, self._clock())

    def _try_ourselves(self, datagram: bytes, address: Address) -> None:
        """Answer a check of the self-test and keep nothing of it."""
        check = ice.answer_check(datagram, self.own.pwd, address)
        if check is None or self.udp is None:
            self._stats.dropped_stun += 1
        else:
            self.udp.send(check.response, address)

    def _retire(self, session: MediaSession, used: str | None) -> None:
        """Forget the credentials before the newest, once those were used."""
        passwords = session.peer.passwords
        if len(passwords) > 1 and used == next(reversed(passwords)):
            for ufrag in [known for known in passwords if known != used]:
                del passwords[ufrag]
                self._by_ufrag.pop(ufrag, None)

    def _dtls(self, datagram: bytes, address: Address) -> None:
        session = self._by_address.get(address)
        if session is None:
            self._stats.dropped_dtls += 1
            return
        now = self._clock()
        secure = session.peer.secure
        state = session.peer.dtls(datagram, address, now)
        if state is None:
            self._stats.dropped_dtls += 1
        elif state is DtlsState.CONNECTED and not secure:
            self.half_open.pop(session, None)
            self._stats.handshakes += 1
            self._follow(session, moved=False)
            self._on_connected(session, now)
        elif state is DtlsState.FAILED:
            self._stats.handshakes_failed += 1
            self._on_closed(session, session.peer.handshake.reason if session.peer.handshake else EndReason.DTLS_FAILED)
        elif state is DtlsState.CLOSED:
            self._on_closed(session, EndReason.CLOSED)
