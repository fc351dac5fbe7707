"""What a stranger, or somebody with keys of an own session, can send: nobody else notices, nothing is answered or kept."""

import asyncio
import contextlib
import gc
import os
import random
import socket
import struct
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sfu.negotiation import DtlsRole
from sfu.plane import ingress
from sfu.transport.dtls import DtlsCertificate, Handshake
from sfu.transport.peer import HELD
from sfu.transport.udp import Address
from sfu.wire import rtcp
from shared.refusals import Refused
from tests.peers.protocol import dtls, stun
from tests.sfu.media_harness import SSRCS, STREAM, Stage, TestPublisher, TestViewer, stage
from tests.sfu.plane.test_plane import Clock, until


class Stranger:
    """A socket that nobody knows."""

    def __init__(self, run: Stage) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._socket.bind(("127.0.0.1", 0))
        self.address: Address = self._socket.getsockname()
        candidate = run.plane.local.candidates[0]
        self._to = (candidate.address, candidate.port)

    def send(self, data: bytes) -> bool:
        """To the plane; False where there is no room in the socket's buffer."""
        with contextlib.suppress(BlockingIOError):
            return self._socket.sendto(data, self._to) > 0
        return False

    def heard(self) -> bytes | None:
        """Whatever came back to this stranger."""
        with contextlib.suppress(BlockingIOError):
            return self._socket.recv(2048)
        return None

    async def next(self) -> bytes:
        """The next datagram that comes back."""
        async with asyncio.timeout(5):
            while (data := self.heard()) is None:  # noqa: ASYNC110 - a socket read without a loop's help
                await asyncio.sleep(0.01)
        return data

    def close(self) -> None:
        """Close the socket of this stranger."""
        self._socket.close()


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[tuple[Stage, TestPublisher, TestViewer, Stranger]]:
    """A stream with a viewer and a stranger; afterwards the viewer has missed nothing and nobody was ended."""
    async with stage() as run:
        publisher = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        stranger = Stranger(run)
        try:
            yield run, publisher, viewer, stranger
            packets = viewer.counts().packets
            await until(lambda: viewer.counts().packets > packets + 20)
            assert not run.ended
            await until(lambda: viewer.counts().missing == 0)
            assert (viewer.counts().altered, viewer.counts().unauthentic) == (0, 0)
        finally:
            stranger.close()


def client_hello() -> bytes:
    """The first flight of somebody."""
    identity = DtlsCertificate(time.time())
    return Handshake(identity, DtlsRole.CLIENT, identity.fingerprints).start()[0]


async def test_garbage_is_counted_and_not_answered() -> None:
    """Every first byte, many lengths."""
    async with watched() as (run, _publisher, _viewer, stranger):
        chance = random.Random(1)  # noqa: S311 - reproducible
        for first in range(256):
            for size in (1, 4, 13, 40, 200):
                stranger.send(bytes((first,)) + chance.randbytes(size - 1))
            await asyncio.sleep(0)
        stats = run.plane.stats
        await until(
            lambda: (
                stats.dropped_garbage
                + stats.dropped_stun
                + stats.dropped_dtls
                + stats.dropped_unknown_address
                + stats.dropped_rtp
                + stats.dropped_shed  # a slow machine takes so many for a flood
                >= 1200
            )
        )
        assert stranger.heard() is None


async def test_checks_with_a_wrong_password_or_for_nobody_are_dropped() -> None:
    """Also with USE-CANDIDATE, and with the right ufrag: the viewer's address does not move."""
    async with watched() as (run, _publisher, viewer, stranger):
        assert viewer.answer is not None
        for ufrag, password in ((viewer.answer.ufrag, "x" * 24), ("nobody00", viewer.answer.pwd)):
            for _ in range(50):
                stranger.send(stun.binding_request(bytes(12), username=f"{ufrag}:x", password=password, tie_breaker=1))
        await until(lambda: run.plane.stats.dropped_stun >= 100)
        assert stranger.heard() is None


async def test_dtls_before_a_check_is_dropped() -> None:
    """A ClientHello from an address that has no session costs nothing and gets nothing."""
    async with watched() as (run, _publisher, _viewer, stranger):
        for _ in range(50):
            stranger.send(client_hello())
        await until(lambda: run.plane.stats.dropped_dtls >= 50)
        assert stranger.heard() is None
        assert not run.plane._ingress.half_open


async def test_a_replayed_packet_of_a_session_from_another_address_does_nothing() -> None:
    """Its SRTP, its DTLS, its checks' answers: addresses are bound by checks only."""
    async with watched() as (run, publisher, _viewer, stranger):
        packet = next(iter(publisher.tracks[0].history.values()))
        for _ in range(20):
            stranger.send(packet)
            publisher._send(packet)
        await until(lambda: run.plane.stats.dropped_unknown_address >= 20 and run.plane.stats.dropped_rtp >= 20)


async def test_a_flood_leaves_nothing_in_memory() -> None:
    """20,000 datagrams of all kinds: no growth beyond a few kilobytes."""
    async with watched() as (run, _publisher, viewer, stranger):
        assert viewer.answer is not None
        kinds = [
            stun.binding_request(bytes(12), username="nobody00:x", password="y" * 24, tie_breaker=1),
            stun.binding_request(bytes(12), username=f"{viewer.answer.ufrag}:x", password="y" * 24, tie_breaker=1),
            client_hello(),
            b"\x80\x60" + bytes(200),
            b"\x80\xc8" + bytes(60),
            b"\xff" * 50,
        ]

        stats = run.plane.stats

        def arrived() -> int:
            return stats.dropped_stun + stats.dropped_dtls + stats.dropped_unknown_address + stats.dropped_garbage

        def lost() -> int:
            return stats.dropped_kernel + stats.dropped_shed

        async def flood(count: int) -> int:
            sent = 0
            for n in range(count):
                sent += stranger.send(kinds[n % len(kinds)])
                if n % 20 == 0:  # fewer than a drain takes: what the kernel drops at a full buffer is not ours to test
                    await asyncio.sleep(0.004)  # and slower than what is shed as a flood where the machine is busy
            return sent

        sent = await flood(500)
        await until(lambda: arrived() + lost() >= sent)
        tables = [len(run.plane._ingress._by_address), len(run.plane._ingress._by_ufrag)]
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.take_snapshot()
            seen, gone = arrived(), lost()
            sent = await flood(20_000)
            await until(lambda: arrived() - seen + lost() - gone >= sent)
            gc.collect()
            after = tracemalloc.take_snapshot()
        finally:
            tracemalloc.stop()
        # All of it came to the plane, but for what the kernel says that it threw away, which is not most of it.
        assert 15_000 < arrived() - seen <= sent
        grown = {
            each.traceback[0].filename.rpartition("/")[2]: each.size_diff
            for each in after.compare_to(before, "filename")
            if "/sfu/" in each.traceback[0].filename and "tests" not in each.traceback[0].filename
        }
        # The history of the stream itself fills up to its bound meanwhile; nothing else may.
        grown = {
            name: size
            for name, size in grown.items()
            if name not in ("history.py", "publisher.py", "srtp.py", "track.py")
        }
        assert sum(grown.values()) < 100_000, grown
        assert [len(run.plane._ingress._by_address), len(run.plane._ingress._by_ufrag)] == tables
        assert stranger.heard() is None


async def test_half_open_handshakes_are_bounded() -> None:
    """Above the bound the newcomer waits; others are not harmed."""
    async with watched() as (run, _publisher, _viewer, _stranger):
        posted = run.posted()
        assert posted.answer is not None
        run.plane._ingress.half_open.update(dict.fromkeys(range(600)))  # type: ignore[arg-type]  # stand-ins for sessions
        try:
            session = posted.ways.session
            assert session is not None
            data = stun.binding_request(
                bytes(12), username=f"{posted.answer.ufrag}:x", password=posted.answer.pwd, tie_breaker=1
            )
            run.plane._ingress._stun(data, ("127.0.0.1", 1))
            assert getattr(session.peer, "handshake") is None  # noqa: B009 - mypy would take it for always None below
            run.plane._ingress.half_open.clear()
            run.plane._ingress._stun(data, ("127.0.0.1", 1))
            assert session.peer.handshake is not None
        finally:
            run.plane._ingress.half_open.clear()
        run.plane.end(session.id, "test")
        run.ended.clear()


async def test_a_publisher_with_wild_rtp_harms_only_itself() -> None:
    """Jumps, new SSRCs each packet, padding only, empty payloads, a hundred extensions: nothing raises, memory is bounded."""
    async with stage() as run:
        publisher = await run.publisher(kinds=("video",))
        viewer = await run.viewer(kinds=("video",))
        await asyncio.wait_for(viewer.picture, 5)
        publisher.pause()
        assert publisher._sender is not None
        chance = random.Random(2)  # noqa: S311 - reproducible
        session = publisher.ways.session
        assert session is not None
        ours = publisher.ssrc["video"]
        for n in range(3000):
            ssrc = chance.choice([ours, chance.getrandbits(32)])
            first = chance.choice([0x80, 0x80, 0xA0, 0x90, 0x8F])
            index = chance.choice([n, chance.getrandbits(16)])
            header = struct.pack("!BBHII", first, 96, index & 0xFFFF, chance.getrandbits(32), ssrc)
            if first == 0x90:
                header += struct.pack("!HH", 0xBEDE, 50) + b"\x10\x00" * 100
            if first == 0x8F:
                header += bytes(60)
            body = chance.choice([b"", b"\x65", bytes(30), b"\x00" * 20 + b"\x15", b"\xff"])
            publisher._send(publisher._sender.rtp(header, body, index))
            if n % 20 == 0:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)
        assert len(session.ssrcs) <= 32  # type: ignore[attr-defined]  # a publisher's
        assert not run.ended


async def test_a_viewer_with_wild_rtcp_harms_nobody() -> None:
    """Thousands of NACKs, a PLI each millisecond, nonsense: bounded repairs, coalesced requests."""
    async with watched() as (run, publisher, viewer, _stranger):
        highest = viewer.tracks[SSRCS["video"]].highest
        before = run.plane.stats.retransmitted_packets
        began, asked = time.monotonic(), publisher.keyframe_requests
        for n in range(300):
            viewer._send_rtcp(
                rtcp.nack(1, SSRCS["video"], [(highest - k) & 0xFFFF for k in range(200, 0, -1)])
                + rtcp.picture_loss(1, SSRCS["video"])
                + bytes((0x80 | n % 32, 192 + n % 32, 0, 1, 0, 0, 0, n % 256))
            )
            if n % 10 == 0:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)
        elapsed = time.monotonic() - began
        assert run.plane.stats.retransmitted_packets - before <= 200 + 200 * elapsed + 1
        assert publisher.keyframe_requests - asked <= 2 + elapsed / 0.5


def damaged(data: bytes, chance: random.Random) -> list[bytes]:
    """Cut short, bit-flipped, too long, and whole again: what a network or a liar makes of it."""
    cuts = [data[:size] for size in {1, 2, 11, 12, 13, 20, len(data) // 2, len(data) - 1} if 0 < size < len(data)]
    flips = [bytes((*data[:at], data[at] ^ 1 << chance.randrange(8), *data[at + 1 :])) for at in range(len(data))]
    return [*cuts, *chance.sample(flips, min(60, len(flips))), data + bytes(1500), data + bytes(60_000)]


async def test_every_kind_of_datagram_damaged_or_copied_does_nothing() -> None:
    """From the address of its session, as one who spoofs it sends it, and from a stranger's; nobody is ended or moved."""
    async with watched() as (_run, publisher, viewer, stranger):
        chance = random.Random(3)  # noqa: S311 - reproducible
        assert viewer.answer is not None
        assert viewer._sender is not None
        check = stun.binding_request(
            bytes(12), username=f"{viewer.answer.ufrag}:x", password=viewer.answer.pwd, tie_breaker=1
        )
        alert = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x01\x00"
        report = viewer._sender.rtcp(rtcp.receiver_report(1, ()))
        media = next(iter(publisher.tracks[0].history.values()))
        session = viewer.ways.session
        assert session is not None
        address = session.peer.address
        for peer, whole in (
            (viewer, check), (viewer, client_hello()), (viewer, alert), (viewer, report), (publisher, media),
            (publisher, client_hello()), (publisher, alert),
        ):  # fmt: skip
            for data in damaged(whole, chance):
                if whole is not check or not _same_check(data, check):
                    peer._send(data)
                stranger.send(data)
            for _ in range(3):
                if whole is not check:
                    peer._send(whole)
                    stranger.send(whole)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert session.peer.address == address
        assert stranger.heard() is None


def _same_check(data: bytes, check: bytes) -> bool:
    """A check with something behind it is the same check to a lenient parser; the test below is about those."""
    return data.startswith(check)


async def test_a_copied_check_with_use_candidate_from_another_address_moves_nobody() -> None:
    """Its integrity is right, so only its transaction id tells: one that came from elsewhere before is a copy."""
    async with watched() as (run, _publisher, viewer, stranger):
        assert viewer.answer is not None
        session = viewer.ways.session
        assert session is not None
        address = session.peer.address
        for n in range(20):
            check = stun.binding_request(
                n.to_bytes(12, "big"), username=f"{viewer.answer.ufrag}:x", password=viewer.answer.pwd, tie_breaker=1
            )
            viewer._send(check)
            checks = run.plane.stats.checks
            await until(lambda checks=checks: run.plane.stats.checks > checks)  # type: ignore[misc]  # bound at once
            for _ in range(3):
                stranger.send(check)
        await until(lambda: run.plane.stats.dropped_stun >= 60)
        assert session.peer.address == address
        assert len(session.peer.addresses) == 1
        assert stranger.heard() is None


def check_of(viewer: TestViewer, transaction: int = 1) -> bytes:
    """A check with the keys of this viewer's session: what its owner may send, from whatever address he writes on it."""
    assert viewer.answer is not None
    return stun.binding_request(
        transaction.to_bytes(12, "big"),
        username=f"{viewer.answer.ufrag}:x",
        password=viewer.answer.pwd,
        tie_breaker=1,
    )


def owner(run: Stage, address: Address) -> object:
    """Whose packets from *address* are."""
    return run.plane._ingress._by_address.get(address)


async def test_a_check_with_own_keys_from_a_spoofed_address_takes_it_from_nobody() -> None:
    """A viewer writes a publisher's address, or another viewer's, on its checks: they keep it, and he is not moved."""
    async with watched() as (run, publisher, viewer, _stranger):
        thief = await run.viewer()
        robber, stats = thief.ways.session, run.plane.stats
        assert robber is not None
        own = robber.peer.address
        victims = [victim.ways.session for victim in (publisher, viewer)]
        for victim in victims:
            assert victim is not None
            address = victim.peer.address
            assert address is not None
            dropped, lost, packets = stats.dropped_stun, stats.dropped_rtp, viewer.counts().packets
            for n in range(20):
                run.plane._ingress.datagram(check_of(thief, n), address)
                await asyncio.sleep(0.005)
            await until(lambda packets=packets: viewer.counts().packets > packets + 20)  # type: ignore[misc]  # bound at once
            assert owner(run, address) is victim
            assert (robber.peer.address, list(robber.peer.addresses)) == (own, [own])
            assert (stats.dropped_stun - dropped, stats.dropped_rtp - lost) == (20, 0)
        assert run.plane.end(robber.id, "test")
        run.ended.clear()
        assert [owner(run, victim.peer.address) for victim in victims if victim and victim.peer.address] == victims


async def test_a_nomination_for_a_stranger_brings_him_a_second_of_media_and_no_more() -> None:
    """A viewer with his own keys writes 127.0.0.9 on his checks, again and again; he himself is there all the time."""
    async with watched() as (run, _publisher, viewer, _stranger):
        session = viewer.ways.session
        assert session is not None
        home, received, began = session.peer.address, [], time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
            victim.setblocking(False)  # noqa: FBT003 - the socket's own signature
            victim.bind(("127.0.0.9", 0))
            for n in range(100, 160):
                run.plane._ingress.datagram(check_of(viewer, n), victim.getsockname())
                await asyncio.sleep(0.05)
                with contextlib.suppress(BlockingIOError):
                    while data := victim.recv(2048):
                        received.append((time.monotonic() - began, data))
        media = [at for at, data in received if 127 < data[0] < 192]
        assert len(media) > 0
        assert max(media) < 1.2
        assert session.peer.address == home


async def test_a_viewer_that_reports_each_five_seconds_has_moved_for_good_with_its_first_report() -> None:
    """It goes back after a second without one, and what it misses meanwhile is repaired: its NACK is a word, too."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer(reports=False, picture_loss=False)
        await asyncio.wait_for(viewer.picture, 5)
        session = viewer.ways.session
        assert session is not None
        viewer.roam("127.0.0.2")
        await until(lambda: session.peer.address == ("127.0.0.2", viewer.port))
        await until(lambda: session.peer.address != ("127.0.0.2", viewer.port), 2)
        viewer._send_rtcp(rtcp.receiver_report(1, ()))
        await until(lambda: session.peer.address == ("127.0.0.2", viewer.port), 0.5)
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 100)
        assert session.peer.path.until is None


async def test_who_never_spoke_is_not_refused_for_a_session_that_named_him() -> None:
    """Whoever has keys could name anybody's address, end his session, and have the port closed to that one."""
    async with stage() as run:
        publisher = await run.publisher()
        session = publisher.ways.session
        assert session is not None
        session.peer.negotiated = replace(session.peer.negotiated, hears_close=False)
        ufrag, pwd = next(iter(session.peer.passwords.items()))
        candidate = run.plane.local.candidates[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as named:
            named.settimeout(5)
            named.connect((candidate.address, candidate.port))
            named.send(stun.binding_request(bytes(range(12)), username=f"{ufrag}:x", password=pwd, tie_breaker=1))
            await until(lambda: session.peer.address == named.getsockname())
            run.plane.end(session.id, "operator")
            for _ in range(3):
                named.send(b"\x80\x60" + bytes(98))
                await asyncio.sleep(0.05)
            named.setblocking(False)  # noqa: FBT003 - the socket's own signature
            with contextlib.suppress(BlockingIOError):
                while named.recv(2048):
                    pass


async def test_an_address_whose_owner_is_silent_goes_to_who_checks_from_there() -> None:
    """A client that died and came back by the same port, or another one to whom a NAT gave it: within three seconds."""
    clock = Clock()
    async with stage(clock=clock) as run:
        gone = await run.viewer(wait=30.0)
        former, posted = gone.ways.session, run.posted(wait=30.0)
        assert former is not None
        address = former.peer.address
        assert address is not None
        gone.vanish()
        clock.ahead = HELD - 1
        run.plane._ingress.datagram(check_of(posted, 1), address)
        assert owner(run, address) is former
        clock.ahead = HELD + 0.5
        run.plane._ingress.datagram(check_of(posted, 2), address)
        assert owner(run, address) is posted.ways.session
        assert run.plane.end(former.id, "test")
        assert owner(run, address) is posted.ways.session


async def test_an_address_whose_owner_ended_is_free_at_once() -> None:
    """DELETE, and a POST anew from the same UDP port: a client that binds a port of its own does so."""
    async with stage() as run:
        first = await run.viewer(wait=30.0)
        session, posted = first.ways.session, run.posted(wait=30.0)
        assert session is not None
        address = session.peer.address
        assert address is not None
        assert run.plane.end(session.id, "delete")
        run.plane._ingress.datagram(check_of(posted), address)
        assert owner(run, address) is posted.ways.session


async def test_an_address_is_kept_from_nobody_by_who_was_never_there() -> None:
    """Checks with spoofed addresses ahead of their owner's: a session holds an address only where it read its handshake."""
    async with stage() as run:
        robber, posted, arriving = await run.viewer(wait=30.0), run.posted(wait=30.0), Stranger(run)
        try:
            run.plane._ingress.datagram(check_of(robber), arriving.address)
            assert owner(run, arriving.address) is robber.ways.session
            arriving.send(check_of(posted))
            await until(lambda: owner(run, arriving.address) is posted.ways.session)
        finally:
            arriving.close()


async def test_an_address_is_not_held_by_a_handshake_that_was_read_elsewhere() -> None:
    """A client that claims in the midst of it to have moved, and finishes with what came to where it really is."""
    async with stage() as run:
        robber, posted, here, there = run.posted(wait=30.0), run.posted(wait=30.0), Stranger(run), Stranger(run)
        session = robber.ways.session
        assert session is not None
        assert robber.answer is not None
        handshake = dtls.Handshake(robber.host.identity, client=True, fingerprint=robber.answer.fingerprint)
        try:
            here.send(check_of(robber, 1))
            await here.next()
            for hello in handshake.start():
                here.send(hello)
            last: list[bytes] = []
            while not last:
                last = handshake.receive(await here.next())
            run.plane._ingress.datagram(check_of(robber, 2), there.address)
            for datagram in last:
                here.send(datagram)
            await until(lambda: session.peer.secure)
            assert session.peer.address == there.address
            there.send(check_of(posted))
            await until(lambda: owner(run, there.address) is posted.ways.session)
        finally:
            here.close()
            there.close()


async def test_a_flood_of_real_half_open_handshakes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that say hello and nothing more: so many get an association, the others wait, all end after ten seconds."""
    monkeypatch.setattr(ingress, "MAX_HALF_OPEN", 24)
    clock = Clock()
    async with stage(clock=clock) as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        flood = [run.posted() for _ in range(80)]
        sockets = [Stranger(run) for _ in flood]
        try:
            for _ in range(5):
                for posted, one in zip(flood, sockets, strict=True):
                    assert posted.answer is not None
                    user = f"{posted.answer.ufrag}:x"
                    data = stun.binding_request(bytes(12), username=user, password=posted.answer.pwd, tie_breaker=1)
                    one.send(data)
                    one.send(client_hello())
                await asyncio.sleep(0.02)
            begun = [one.ways.session for one in flood if one.ways.session and one.ways.session.peer.handshake]
            assert len(begun) == len(run.plane._ingress.half_open) == 24
            packets = viewer.counts().packets
            await until(lambda: viewer.counts().packets > packets + 20)
            await forward(clock, viewer)
            await until(lambda: len(run.ended) == 80)
            assert {one.reason for one in run.ended} == {"dtls_timeout"}
            assert not run.plane._ingress.half_open
            await until(lambda: viewer.counts().missing == 0)
        finally:
            for one in sockets:
                one.close()


async def test_a_viewer_that_never_reads_holds_nobody_up() -> None:
    """It goes on sending checks, so it is alive; its socket is full, and nothing of it is kept on our side."""
    async with watched() as (run, _publisher, viewer, _stranger):
        deaf = await run.viewer()
        await asyncio.wait_for(deaf.picture, 5)
        deaf.host.poller.remove(deaf._fd)
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 200)
        assert run.plane._udp is not None
        assert not run.plane._udp.queue
        assert run.plane.stats.send_failed == 0
        deaf.host.poller.add(deaf._fd, deaf._readable)


async def test_ten_thousand_posts_without_media_cost_a_few_kilobytes_each_and_are_gone_in_ten_seconds() -> None:
    """Nobody sends a check; the viewer that was there misses nothing, and no trace of them stays."""
    clock = Clock()
    async with stage(clock=clock) as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        template = run.posted()
        assert template.ways.session is not None
        one = template.ways.session.negotiated
        run.plane.end(template.ways.session.id, "test")
        tables = len(run.plane._ingress._by_ufrag)
        gc.collect()
        before = resident()
        for n in range(10_000):
            local = run.plane.new_credentials()
            claims = replace(template.ways.verified.claims, session=f"posted{n}", max_viewers=20_000)
            assert not isinstance(
                run.plane.play(replace(template.ways.verified, claims=claims), replace(one, local=local), 0.0), Refused
            )
            if n % 50 == 0:
                await asyncio.sleep(0)
        assert (resident() - before) / 10_000 < 8_000
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 20)
        await forward(clock, viewer)
        await until(lambda: len(run.ended) == 10_001, 20)
        assert len(run.plane._ingress._by_ufrag) == tables
        assert run.plane.viewers(STREAM) == 1
        await until(lambda: viewer.counts().missing == 0)


async def forward(clock: Clock, viewer: TestViewer) -> None:
    """Put the plane's clock forward by ten seconds, in two steps: who lives is heard of in between."""
    session = viewer.ways.session
    assert session is not None
    clock.ahead = 8.0
    viewer._check()
    await until(lambda: session.peer.last_seen > clock() - 4)
    clock.ahead = 10.5


def resident() -> int:
    """This process's memory in bytes."""
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_media_that_waited_in_the_kernel_is_shed_and_comes_back_fresh() -> None:
    """A starved node throws away what is seconds old instead of staying seconds behind; checks count at any age."""
    ahead = 0.0
    async with stage(wall=lambda: time.time() + ahead) as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        assert run.plane.stats.dropped_stale == 0
        ahead = ingress.STALE + 0.1
        await until(lambda: run.plane.stats.dropped_stale >= 20)
        packets = viewer.counts().packets
        ahead = 0.0
        await until(lambda: viewer.counts().packets > packets + 50)
        assert not run.ended
        ahead = ingress.LATE + 0.1
        await until(lambda: run.plane.stats.late_packets >= 10)
