import asyncio
import contextlib
import time
from typing import Any, cast

import pytest
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.negotiation import DtlsRole, Fingerprint
from sfu.transport.dtls import DtlsCertificate, DtlsState, Handshake, datagrams
from sfu.transport.srtp import Protection

NOW = time.time()
OURS = DtlsCertificate(NOW)
THEIRS = DtlsCertificate(NOW)
WRONG = (Fingerprint("sha-256", ":".join(["00"] * 32)),)


def pair(*, client_sees: Any = None, server_sees: Any = None) -> tuple[Handshake, Handshake]:
    """A client and a server that know each other's fingerprints, unless told otherwise."""
    client = Handshake(OURS, DtlsRole.CLIENT, client_sees or THEIRS.fingerprints)
    server = Handshake(THEIRS, DtlsRole.SERVER, server_sees or OURS.fingerprints)
    return client, server


def run(client: Handshake, server: Handshake) -> None:
    """Carry flights until nobody has anything to say."""
    flight, to, back = client.start(), server, client
    while flight:
        answers: list[bytes] = []
        for datagram in flight:
            assert len(datagram) <= 1200
            answers += to.receive(datagram)
        flight, to, back = answers, back, to


def test_two_of_us_agree_on_keys() -> None:
    """The preferred profile, and each one's sending key is the other's receiving key."""
    client, server = pair()
    run(client, server)
    assert client.state is server.state is DtlsState.CONNECTED
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.profile.name == b"SRTP_AEAD_AES_128_GCM"
    assert client.keys.send == server.keys.receive
    assert client.keys.receive == server.keys.send


def test_a_wrong_fingerprint_fails_either_side() -> None:
    """The offer's fingerprint is all that vouches for a self-signed certificate."""
    client, server = pair(server_sees=WRONG)
    run(client, server)
    assert server.state is DtlsState.FAILED
    assert server.reason == "dtls_fingerprint"
    assert server.keys is None
    client, server = pair(client_sees=WRONG)
    run(client, server)
    assert client.state is DtlsState.FAILED


RIGHT = THEIRS.fingerprints[0]
OTHER = Fingerprint("sha-256", ":".join(["00"] * 32))
LONG = Fingerprint("sha-512", ":".join(["00"] * 64))


@pytest.mark.parametrize(
    ("offered", "state"),
    [
        ([RIGHT], DtlsState.CONNECTED),
        ([RIGHT, OTHER], DtlsState.CONNECTED),
        ([OTHER, RIGHT], DtlsState.CONNECTED),
        ([Fingerprint("SHA-256", RIGHT.value.lower()), OTHER], DtlsState.CONNECTED),
        ([Fingerprint("md2", "AA"), RIGHT], DtlsState.CONNECTED),
        ([OTHER], DtlsState.FAILED),
        ([OTHER, OTHER], DtlsState.FAILED),
        ([RIGHT, LONG], DtlsState.FAILED),
        ([Fingerprint("md2", "AA"), OTHER], DtlsState.FAILED),
    ],
)
def test_one_fingerprint_of_each_known_hash_function_matches(offered: list[Fingerprint], state: DtlsState) -> None:
    """RFC 8122, section 5: several of one function are of several certificates; a tested function without a match ends it."""
    client, server = pair(client_sees=offered)
    run(client, server)

    assert client.state is state


def test_fingerprints_of_unknown_algorithms_alone_vouch_for_nobody() -> None:
    """There must be one that we can check."""
    client, server = pair(server_sees=(Fingerprint("md2", "AA"),))
    run(client, server)
    assert server.state is DtlsState.FAILED


def test_close_notify_closes_the_other_side() -> None:
    """The normal end of a viewer that sends no DELETE."""
    client, server = pair()
    run(client, server)
    for datagram in client.close():
        server.receive(datagram)
    assert server.state is DtlsState.CLOSED


def test_a_lost_client_hello_is_repeated() -> None:
    """OpenSSL's first timeout is a second; FFmpeg gives us five (P8)."""
    client, server = pair()
    assert client.start()
    assert client.timer() == []

    async def later() -> list[bytes]:
        async with asyncio.timeout(3):
            while not (flight := client.timer()):  # noqa: ASYNC110 - it is OpenSSL's clock that we wait for
                await asyncio.sleep(0.05)
            return flight

    flight = asyncio.run(later())
    for datagram in flight:
        assert server.receive(datagram)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7), st.integers(1, 3))
def test_a_damaged_flight_never_raises_and_never_connects_wrongly(byte: int, bit: int, which: int) -> None:
    """A flipped bit in any flight: the handshake fails, stalls or ignores it."""
    client, server = pair()
    flight, to, back = client.start(), server, client
    for turn in range(6):
        answers: list[bytes] = []
        for datagram in flight:
            data = datagram
            if turn == which:
                at = byte % len(data)
                data = data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]
            answers += to.receive(data)
        flight, to, back = answers, back, to
    if client.keys is not None and server.keys is not None:
        assert client.keys.send == server.keys.receive


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=1500))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    """Whoever passed the connectivity check may still send nonsense."""
    _client, server = pair()
    server.receive(b"\x16" + data)
    assert server.state is not DtlsState.CONNECTED


def test_a_flight_is_cut_at_records() -> None:
    """Each datagram holds whole records, as many as fit."""
    record = b"\x16\xfe\xfd" + bytes(8) + (400).to_bytes(2, "big") + bytes(400)
    assert [len(each) for each in datagrams(record * 5)] == [826, 826, 413]


class Pipe:
    """What RTCDtlsTransport takes for an ICE transport."""

    role = "controlling"

    def __init__(self, ours: Handshake) -> None:
        self._ours = ours
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self._arrived.get()

    async def _send(self, data: bytes) -> None:
        self.put(self._ours.receive(data))

    def put(self, flight: list[bytes]) -> None:
        """Deliver a datagram to aiortc's side."""
        for datagram in flight:
            self._arrived.put_nowait(datagram)


@pytest.mark.parametrize("role", [DtlsRole.SERVER, DtlsRole.CLIENT])
async def test_aiortc_s_own_transport_connects_to_us(role: DtlsRole) -> None:
    """In both roles; what it protects we open, and what we protect it opens."""
    certificate = RTCCertificate.generateCertificate()
    prints = certificate.getFingerprints()
    ours = Handshake(OURS, role, tuple(Fingerprint(each.algorithm, each.value) for each in prints))
    pipe = Pipe(ours)
    transport = RTCDtlsTransport(cast("Any", pipe), [certificate])
    transport._set_role("client" if role is DtlsRole.SERVER else "server")
    parameters = RTCDtlsParameters([RTCDtlsFingerprint(each.algorithm, each.value) for each in OURS.fingerprints])
    if role is DtlsRole.CLIENT:
        pipe.put(ours.start())
    async with asyncio.timeout(5):
        await transport.start(parameters)
    assert transport.state == "connected"
    assert ours.state is DtlsState.CONNECTED
    assert ours.keys is not None
    protection = Protection(ours.keys)
    packet = bytes.fromhex("806000010000000100000001") + b"hello"
    assert protection.open_rtp(transport._tx_srtp.protect(packet)) == packet
    assert transport._rx_srtp.unprotect(protection.seal_rtp(packet[:12], packet[12:], 1)) == packet
    with contextlib.suppress(ConnectionError):
        await transport.stop()
    assert ours.receive(b"\x16") == []
    assert ours.close() == []


class Renumbered:
    """A client whose ClientHello comes in pieces: its other records before encryption get numbers behind theirs."""

    def __init__(self) -> None:
        self._number = 0

    def record(self, handshake: bytes, kind: int = 22) -> bytes:
        """A record of epoch 0 (RFC 6347, section 4.1)."""
        self._number += 1
        head = bytes((kind,)) + b"\xfe\xfd\0\0" + (self._number - 1).to_bytes(6, "big")
        return head + len(handshake).to_bytes(2, "big") + handshake

    def pieces(self, hello: bytes, cuts: list[int]) -> list[bytes]:
        """One datagram a piece (section 4.2.3); *cuts* are offsets in the message."""
        kind, length, sequence, body = hello[13:14], hello[14:17], hello[17:19], hello[25:]
        ends = [*cuts, len(body)]
        return [
            self.record(
                kind + length + sequence + start.to_bytes(3, "big") + (end - start).to_bytes(3, "big") + body[start:end]
            )
            for start, end in zip([0, *cuts], ends, strict=True)
        ]

    def later(self, datagram: bytes) -> bytes:
        """A datagram of a later flight."""
        renumbered, at = b"", 0
        while at < len(datagram):
            end = at + 13 + int.from_bytes(datagram[at + 11 : at + 13], "big")
            plain = datagram[at + 3 : at + 5] == b"\0\0"
            renumbered += self.record(datagram[at + 13 : end], datagram[at]) if plain else datagram[at:end]
            at = end
        return renumbered


@pytest.mark.parametrize(
    ("cuts", "order"),
    [
        ([100], [0, 1]),
        ([100], [1, 0]),
        ([1], [1, 0]),
        ([100], [1, 1, 0]),
        ([100], [0, 0, 1]),
        ([40, 80], [2, 0, 1]),
        ([40, 80, 120], [3, 2, 1, 0]),
        ([40, 80, 120], [1, 3, 0, 2]),
    ],
)
def test_a_hello_in_several_datagrams_is_taken_in_any_order(cuts: list[int], order: list[int]) -> None:
    """A key share for ML-KEM makes it longer than one datagram, and networks change the order; nothing is asked twice."""
    client, server = pair()
    (hello,) = client.start()
    wire = Renumbered()
    pieces = wire.pieces(hello, cuts)
    answers = [server.receive(pieces[number]) for number in order]
    assert [bool(answer) for answer in answers] == [False] * (len(order) - 1) + [True]
    flight = answers[-1]
    for _ in range(4):
        back = [wire.later(datagram) for one in flight for datagram in client.receive(one)]
        flight = [datagram for one in back for datagram in server.receive(one)]
    assert client.state is server.state is DtlsState.CONNECTED
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.send == server.keys.receive
