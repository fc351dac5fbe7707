from aiortc import rtp
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.protocol import rtcp


@given(st.sets(st.integers(0, 65535), max_size=60))
def test_a_nack_names_what_is_lost(lost: set[int]) -> None:
    """Whatever the gaps, the same numbers come out, here and at aiortc."""
    data = rtcp.nack(1, 2, lost)

    (packet,) = rtcp.parse(data)
    (other,) = rtp.RtcpPacket.parse(data)

    assert isinstance(other, rtp.RtcpRtpfbPacket)
    assert sorted(other.lost) == sorted(lost)
    if lost:
        assert rtcp.read_nack(packet) is not None
        assert sorted((rtcp.read_nack(packet) or (0, []))[1]) == sorted(lost)


def test_a_sender_report_goes_round() -> None:
    """Wall clock to the microsecond, the rest exactly; aiortc reads the same."""
    data = rtcp.sender_report(7, wall=1_795_532_400.25, timestamp=90_000, packets=3, octets=3000)

    (packet,) = rtcp.parse(data)
    report = rtcp.read_sender_report(packet)

    assert report is not None
    assert abs(report.wall - 1_795_532_400.25) < 1e-6
    assert (report.ssrc, report.timestamp, report.packets, report.octets) == (7, 90_000, 3, 3000)
    (other,) = rtp.RtcpPacket.parse(data)
    assert isinstance(other, rtp.RtcpSrPacket)
    assert other.sender_info.rtp_timestamp == 90_000


def test_a_compound_is_taken_apart_until_it_is_cut() -> None:
    """Reports, description, keyframe request, goodbye; a cut tail is left out."""
    compound = (
        rtcp.receiver_report(1, [(2, 3, 70_000)])
        + rtcp.source_description(1, "peer")
        + rtcp.picture_loss(1, 2)
        + rtcp.bye(1)
    )

    kinds = [packet.kind for packet in rtcp.parse(compound[:-2])]

    assert kinds == [rtcp.RR, rtcp.SDES, rtcp.PSFB]
    assert [type(p).__name__ for p in rtp.RtcpPacket.parse(compound)] == [
        "RtcpRrPacket",
        "RtcpSdesPacket",
        "RtcpPsfbPacket",
        "RtcpByePacket",
    ]
