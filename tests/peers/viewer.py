"""A WHEP viewer that decrypts every packet and checks it: sequence, payload, latency. No decoder, no jitter buffer.

`on_batch` is the load generator's hot path: what is checked there costs some 3 µs a packet, so that one core can stand
in for 300 viewers.
"""

import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.peers.clips.clip import Clip
from tests.peers.peer import Host, Peer
from tests.peers.protocol import rtcp
from tests.peers.protocol.srtp import Unauthentic

if TYPE_CHECKING:
    import asyncio
    from array import array

RTP = struct.Struct("!BBHII")
NACK_AFTER = 0.02
NACK_AGAIN = 0.1
NACK_TRIES = 10


@dataclass(slots=True)
class Track:
    """One SSRC as it is received."""

    ssrc: int
    payload_type: int
    first: int
    highest: int
    """Extended sequence number (ROC << 16 | sequence number)."""
    expected: int = 0
    """The number of the clip's payload that should come next."""
    timestamp: int = 0
    packets: int = 0
    recovered: int = 0
    """Came late: retransmitted, or overtaken on the way."""
    duplicates: int = 0
    missing: dict[int, int] = field(default_factory=dict)
    """Extended sequence number -> how often it was asked for."""
    report: rtcp.SenderReport | None = None
    reported_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What a viewer has seen so far; the difference of two is what it saw in between."""

    packets: int
    octets: int
    """UDP payload of authenticated SRTP packets (RTP only), the way usage is metered."""
    gaps: int
    """Sequence numbers that did not come in order, whether or not they came later."""
    missing: int
    """Of those, the ones that are still not there."""
    duplicates: int
    altered: int
    """Payloads that are not the clip's."""
    unauthentic: int
    nacked: int

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


class Viewer(Peer):
    """One viewer. *stamps* holds the wall-clock time at which the publisher sent each payload of *clip*."""

    direction = "recvonly"

    def __init__(
        self,
        host: Host,
        url: str,
        clip: Clip,
        stamps: "memoryview[float]",
        *,
        nack: bool = True,
        reports: bool = True,
        picture_loss: bool = True,
        **options: object,
    ) -> None:
        super().__init__(host, url, **options)  # type: ignore[arg-type]  # Peer's own keywords, passed through
        self._clip = clip
        self._stamps = stamps
        self._data = [payload.data for payload in clip.payloads]
        self._nack, self._reports, self._picture_loss = nack, reports, picture_loss
        self._keyframe: set[int] = set()
        self._nacking = False
        self.tracks: dict[int, Track] = {}
        self.flowing: asyncio.Future[float] = self._loop.create_future()
        """Done, with the time of arrival, when the first packet was decrypted."""
        self.picture: asyncio.Future[float] = self._loop.create_future()
        """Done, with the time of arrival, when a keyframe is complete."""
        self.octets = 0
        self.altered = 0
        self.nacked = 0
        self.early = 0
        """Media that came before there were keys."""
        self.byes = 0
        self.latencies: array[float] | None = None
        """Where to put the latency of each packet that came in order, when somebody wants it."""

    def counts(self) -> Counts:
        """The sums over both tracks."""
        tracks = self.tracks.values()
        missing = sum(len(t.missing) for t in tracks)
        return Counts(
            packets=sum(t.packets for t in tracks),
            octets=self.octets,
            gaps=missing + sum(t.recovered for t in tracks),
            missing=missing,
            duplicates=sum(t.duplicates for t in tracks),
            altered=self.altered,
            unauthentic=self.unauthentic,
            nacked=self.nacked,
        )

    def on_secured(self) -> None:
        """Ask for a picture and begin to report."""
        if self._reports:
            self._later(1.0, self._report)
        if self._picture_loss:
            self._later(0.5, self._request_picture)

    def on_batch(self, n: int) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot path: calls would cost more than they explain
        """Decrypt and check a burst."""
        batch = self.host.batch
        views, lengths, arrivals = batch.views, batch.lengths(n), batch.arrivals(n)
        tracks, data, stamps, following = self.tracks, self._data, self._stamps, self._clip.following
        latencies = self.latencies
        for i in range(n):
            length = lengths[i]
            view = views[i][:length]
            first, second, sequence, timestamp, ssrc = RTP.unpack_from(view) if length > 11 else (0, 0, 0, 0, 0)
            if not 127 < first < 192 or 191 < second < 224:
                self._on_other(bytes(view))
                continue
            receiver = self._receiver
            if receiver is None:
                self.early += 1
                continue
            header = 12 + 4 * (first & 15)
            if first & 16:
                header += 4 + 4 * int.from_bytes(view[header + 2 : header + 4], "big")
            track = tracks.get(ssrc)
            if track is None:
                delta = 1
                index = sequence
            else:
                delta = (sequence - track.highest) & 0xFFFF
                if delta > 0x7FFF:
                    delta -= 0x10000
                index = track.highest + delta
            try:
                payload = receiver.rtp(view, header, ssrc, index)
            except Unauthentic:
                self.unauthentic += 1
                continue
            self.octets += length
            if first & 32 and payload:
                payload = payload[: -payload[-1]]
            if delta == 1:
                if track is None:
                    track = tracks[ssrc] = Track(ssrc, second & 127, index, index)
                    if not self.flowing.done():
                        self.at.first_packet = arrivals[i]
                        self.flowing.set_result(arrivals[i])
                track.highest = index
            elif delta > 1:
                assert track is not None
                for lost in range(track.highest + 1, index):
                    track.missing[lost] = 0
                track.highest = index
                self._ask_soon()
            else:
                assert track is not None
                if track.missing.pop(index, None) is None:
                    track.duplicates += 1
                    continue
                track.recovered += 1
            track.packets += 1
            track.timestamp = timestamp
            number = track.expected
            if payload != data[number]:
                number = self._find(payload)
                if number < 0:
                    continue
            track.expected = following[number]
            if latencies is not None and delta > 0:
                latencies.append(arrivals[i] - stamps[number])
            if not self.at.first_keyframe:
                self._watch_keyframe(number, arrivals[i])

    def _find(self, payload: bytes) -> int:
        """Which of the clip's payloads this is, -1 for none of them."""
        found = self._clip.by_data.get(payload)
        if found is None and payload:
            self.altered += 1
            # MediaMTX takes the NRI out of a STAP-A's first octet: not what was sent, but it can be recognised.
            found = self._clip.by_data.get(bytes((payload[0] | 0x60,)) + payload[1:])
        return -1 if found is None else found

    def _on_other(self, packet: bytes) -> None:
        if 127 < packet[0] < 192:
            self._on_rtcp(packet)
        else:
            self.on_control(packet)

    def _on_rtcp(self, packet: bytes) -> None:
        if self._receiver is None:
            return
        try:
            compound = self._receiver.rtcp(memoryview(packet))
        except Unauthentic:
            self.unauthentic += 1
            return
        for part in rtcp.parse(compound):
            if part.kind == rtcp.SR:
                report = rtcp.read_sender_report(part)
                track = self.tracks.get(part.ssrc)
                if report and track:
                    track.report, track.reported_at = report, time.time()
            elif part.kind == rtcp.BYE:
                self.byes += 1

    def _watch_keyframe(self, number: int, arrival: float) -> None:
        payload = self._clip.payloads[number]
        if not payload.keyframe:
            return
        self._keyframe.add(number)
        of_frame = sum(1 for n in self._keyframe if self._clip.payloads[n].frame == payload.frame)
        if of_frame == self._clip.keyframe_sizes[payload.frame]:
            self.at.first_keyframe = arrival
            self.picture.set_result(arrival)

    # Feedback

    def ask_again(self, count: int) -> None:
        """NACK the last *count* packets of each track, though they are there: each comes twice, and is paid for twice."""
        for track in self.tracks.values():
            wanted = range(track.highest - count + 1, track.highest + 1)
            self._send_rtcp(rtcp.nack(self.ssrc[self.kinds[0]], track.ssrc, wanted))

    def _ask_soon(self) -> None:
        if self._nack and not self._nacking:
            self._nacking = True
            self._later(NACK_AFTER, self._ask)

    def _ask(self) -> None:
        waiting = False
        for track in self.tracks.values():
            wanted = [index for index, tries in track.missing.items() if tries < NACK_TRIES]
            if wanted:
                waiting = True
                for index in wanted:
                    track.missing[index] += 1
                self.nacked += len(wanted)
                self._send_rtcp(rtcp.nack(self.ssrc[self.kinds[0]], track.ssrc, wanted))
        self._nacking = waiting
        if waiting:
            self._later(NACK_AGAIN, self._ask)

    def _report(self) -> None:
        own = self.ssrc[self.kinds[0]]
        blocks = [(t.ssrc, len(t.missing), t.highest) for t in self.tracks.values()]
        self._send_rtcp(rtcp.receiver_report(own, blocks) + rtcp.source_description(own, "peer"))
        self._later(1.0, self._report)

    def _request_picture(self) -> None:
        if self.at.first_keyframe:
            return
        for section in self.answer.sections if self.answer else ():
            if section.kind == "video" and section.ssrc is not None:
                self._send_rtcp(rtcp.picture_loss(self.ssrc[self.kinds[0]], section.ssrc))
        self._later(0.5, self._request_picture)

    def _send_rtcp(self, packet: bytes) -> None:
        if self._sender is not None:
            self._send(self._sender.rtcp(packet))
