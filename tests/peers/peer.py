"""One connection to a server: HTTP, ICE, DTLS, then SRTP keys; what is done with media is left to the subclasses.

We are the full, controlling ICE agent. All peers of a process share a `Host`; each has a UDP socket of its own, since
servers tell sessions apart by address.
"""

import asyncio
import random
import secrets
import string
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import aiohttp

from tests.peers.batch import Batch, open_socket
from tests.peers.lossy import Lossy
from tests.peers.poller import Poller
from tests.peers.protocol import dtls, sdp, srtp, stun, whip

if TYPE_CHECKING:
    import socket

Setup = Literal["actpass", "active", "passive"]
CHECK_SECONDS = 0.05
CONSENT_SECONDS = 5.0
CONSENT_LIMIT = 30.0
_spread = random.SystemRandom()
ICE_CHARACTERS = string.ascii_letters + string.digits + "+/"


@dataclass(frozen=True, slots=True)
class Host:
    """What the peers of one process share."""

    http: aiohttp.ClientSession
    batch: Batch
    identity: dtls.Identity
    poller: Poller


@asynccontextmanager
async def host(
    profiles: tuple[dtls.Profile, ...] = (dtls.Profile.GCM, dtls.Profile.CM), *, pace: float = 0.0
) -> AsyncIterator[Host]:
    """A host for as long as the block lasts; *pace* as Poller has it."""
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15)) as http:
        poller = Poller(pace)
        try:
            yield Host(http, Batch(), dtls.Identity(profiles), poller)
        finally:
            poller.close()


@dataclass(slots=True)
class Milestones:
    """When a session reached what, in seconds since the epoch; 0 means not yet."""

    posted: float = 0.0
    answered: float = 0.0
    checked: float = 0.0
    secured: float = 0.0
    first_packet: float = 0.0
    first_keyframe: float = 0.0


class Peer:
    """A session in the making and while it lasts."""

    direction: Literal["sendonly", "recvonly"]

    def __init__(
        self,
        host: Host,
        url: str,
        *,
        bearer: str | None = None,
        setup: Setup = "actpass",
        kinds: tuple[sdp.Kind, ...] = ("video", "audio"),
        via: Lossy | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.host, self.url, self.bearer, self.setup, self.kinds = host, url, bearer, setup, kinds
        self._via = via
        self._address = address
        """Ours: its family decides which of the server's candidates can be checked."""
        self.local = sdp.Local(_ice_text(8), _ice_text(24))
        self.ssrc: dict[sdp.Kind, int] = {kind: secrets.randbits(32) for kind in kinds}
        self.at = Milestones()
        self.created: whip.Created | None = None
        self.answer: sdp.Answer | None = None
        self.unauthentic = 0
        self.unsent = 0
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = loop.create_future()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._socket: socket.socket | None = None
        self._fd = -1
        self._remotes: tuple[tuple[str, int], ...] = ()
        self._remote: tuple[str, int] | None = None
        self._checks: dict[bytes, tuple[str, int]] = {}
        self._tie_breaker = secrets.randbits(64)
        self._consented = 0.0
        self._handshake: dtls.Handshake | None = None
        self._sender: srtp.Sender | None = None
        self._receiver: srtp.Receiver | None = None
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def keys(self) -> dtls.Keys | None:
        """The SRTP keys, once DTLS is through."""
        return self._handshake.keys if self._handshake else None

    @property
    def port(self) -> int:
        """The UDP port that this peer receives on."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    async def connect(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - it covers HTTP, ICE and DTLS together
        """POST, check, shake hands; raises whip.Refused or TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                await self._signal()
                self._check()
                await self._ready
        except BaseException:
            self._release()
            raise

    async def __aenter__(self) -> Self:
        """Connect for as long as the block lasts."""
        await self.connect()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.close()
        else:
            self.vanish()

    async def close(self, *, linger: float = 0.1) -> None:
        """DELETE the session, take what was still on its way, and let go of the socket."""
        if self.created is not None and self._socket is not None:
            await whip.delete(self.host.http, self.created, bearer=self.bearer)
            await asyncio.sleep(linger)
        self.vanish()

    def vanish(self) -> None:
        """Go without a word to anybody, like a killed process."""
        self._release()
        if not self.ended.done():
            self.ended.set_result("vanished")

    def hang_up(self) -> None:
        """End the session by DTLS close_notify alone."""
        if self._handshake is not None:
            self._send_all(self._handshake.close())

    def roam(self, address: str | None = None) -> None:
        """Go on from another port, and from *address*, as a phone does that changes its network."""
        self._close_socket()
        self._address = address or self._address
        self._open()
        self._check()

    # What subclasses add

    def on_secured(self) -> None:
        """SRTP can be sent and received from now on."""

    def on_batch(self, n: int) -> None:
        """*n* datagrams wait in the host's batch."""
        batch = self.host.batch
        for view, length in zip(batch.views, batch.lengths(n), strict=False):
            packet = view[:length]
            if 127 < view[0] < 192:
                self.on_media(packet)
            else:
                self.on_control(bytes(packet))

    def on_media(self, packet: memoryview) -> None:
        """One SRTP or SRTCP packet."""

    # Signalling

    async def _signal(self) -> None:
        self._open()
        offer = sdp.offer(
            self.local,
            fingerprint=self.host.identity.fingerprint,
            direction=self.direction,
            setup=self.setup,
            kinds=self.kinds,
            ssrcs=self.ssrc if self.direction == "sendonly" else None,
            candidate=(self._address, self.port),
        )
        self.at.posted = time.time()
        self.created = await whip.post(self.host.http, self.url, offer, bearer=self.bearer)
        self.at.answered = time.time()
        self.answer = sdp.parse_answer(self.created.answer)
        self._remotes = self.answer.candidates
        if self._via is not None:
            self._remotes = (await self._via.open(self._remotes[0]),)
        client = self.answer.setup == "passive"
        self._handshake = dtls.Handshake(self.host.identity, client=client, fingerprint=self.answer.fingerprint)

    # ICE

    def _check(self) -> None:
        """Send checks until one is answered; then consent checks until none is."""
        if self.answer is None or self._socket is None:
            return
        now = time.time()
        if self._remote is not None and now - self._consented > CONSENT_LIMIT:
            self._end("consent expired")
            return
        ours = ":" in self._address
        targets = (self._remote,) if self._remote else [one for one in self._remotes if (":" in one[0]) is ours]
        for address in targets:
            transaction = secrets.token_bytes(12)
            self._checks[transaction] = address
            request = stun.binding_request(
                transaction,
                username=f"{self.answer.ufrag}:{self.local.ufrag}",
                password=self.answer.pwd,
                tie_breaker=self._tie_breaker,
            )
            try:
                self._socket.sendto(request, address)
            except OSError:
                self.unsent += 1
        while len(self._checks) > 16:
            self._checks.pop(next(iter(self._checks)))
        # RFC 7675, section 5.1: consent checks are spread by a fifth either way.
        wait = CONSENT_SECONDS * _spread.uniform(0.8, 1.2) if self._remote else CHECK_SECONDS
        self._later(wait, self._check)

    def on_control(self, data: bytes) -> None:
        """Handle one datagram of STUN or DTLS."""
        if data[0] < 4:
            self._on_stun(data)
        elif 19 < data[0] < 64 and self._handshake is not None:
            self._on_dtls(data)

    def _on_stun(self, data: bytes) -> None:
        message = stun.parse(data)
        if message is None or self.answer is None:
            return
        if message.kind == stun.REQUEST and message.authentic(self.local.pwd):
            # The peer is a full agent and checks us as well; recvmmsg kept no source, but there is only one it can be.
            address = self._remote or self._remotes[0]
            self._send(stun.binding_response(message.transaction, address=address, password=self.local.pwd), address)
        elif message.kind == stun.RESPONSE and message.authentic(self.answer.pwd):
            sent_to = self._checks.pop(message.transaction, None)
            if sent_to is None:
                return
            self._consented = time.time()
            if self._remote is None and self._socket is not None:
                self._remote = sent_to
                self._socket.connect(sent_to)
                self._checks.clear()
                if not self.at.checked:
                    self.at.checked = time.time()
                    assert self._handshake is not None
                    self._send_all(self._handshake.start())
                    self._later(0.1, self._retransmit)

    # DTLS

    def _on_dtls(self, data: bytes) -> None:
        assert self._handshake is not None
        self._send_all(self._handshake.receive(data))
        if self._handshake.closed:
            self._end("close_notify" if self._sender else "handshake failed")
        elif self._handshake.keys is not None and self._sender is None:
            self._sender = srtp.sender(self._handshake.keys)
            self._receiver = srtp.receiver(self._handshake.keys)
            self.at.secured = time.time()
            self.on_secured()
            if not self._ready.done():
                self._ready.set_result(None)

    def _retransmit(self) -> None:
        if self._handshake is not None and self._sender is None:
            self._send_all(self._handshake.timeout())
            self._later(0.1, self._retransmit)

    # The socket

    def _open(self) -> None:
        self._socket = open_socket(self._address)
        self._fd = self._socket.fileno()
        self._remote = None
        self.host.poller.add(self._fd, self._readable)

    def _readable(self) -> None:
        n = self.host.batch.receive(self._fd)
        if n:
            self.on_batch(n)

    def _send(self, data: bytes, address: tuple[str, int] | None = None) -> bool:
        if self._socket is None:
            return False
        try:
            if self._remote is None and address is not None:
                self._socket.sendto(data, address)
            else:
                self._socket.send(data)
        except OSError:
            self.unsent += 1
            return False
        return True

    def _send_all(self, datagrams: list[bytes]) -> None:
        for data in datagrams:
            self._send(data)

    def _later(self, seconds: float, call: Callable[[], object]) -> None:
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time() and not timer.cancelled()]
        self._timers.append(self._loop.call_later(seconds, call))

    def _end(self, reason: str) -> None:
        self._release()
        if not self.ended.done():
            self.ended.set_result(reason)
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(reason))

    def _release(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._close_socket()
        if self._via is not None:
            self._via.close()

    def _close_socket(self) -> None:
        if self._socket is not None:
            self.host.poller.remove(self._fd)
            self._socket.close()
            self._socket = None


def _ice_text(length: int) -> str:
    return "".join(secrets.choice(ICE_CHARACTERS) for _ in range(length))
