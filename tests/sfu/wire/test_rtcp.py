import struct

from hypothesis import given
from hypothesis import strategies as st

from sfu.wire import rtcp

# aiortc's parser is a second opinion on what we write.
aiortc_rtp = __import__("aiortc.rtp", fromlist=["RtcpPacket"])


def test_what_we_write_another_implementation_reads() -> None:
    """SR, SDES, RR, NACK, PLI, FIR, REMB and BYE in one compound."""
    compound = (
        rtcp.sender_report(1, 5 << 32, 77, 8, 9)
        + rtcp.description([1], "cname")  # aiortc reads one chunk only: it does not skip the padding after it
        + rtcp.receiver_report(1, [(5, 128, -3, 70000, 12, 34, 56)])
        + rtcp.nack(1, 5, [65535, 0, 3, 100])
        + rtcp.picture_loss(1, 5)
        + rtcp.full_intra_request(1, 5, 3)
        + rtcp.maximum_bitrate(1, 2_500_000, [5, 6])
        + rtcp.bye([1, 2])
    )
    sr, sdes, rr, nack, pli, fir, remb, bye = aiortc_rtp.RtcpPacket.parse(compound)
    assert (sr.ssrc, sr.sender_info.ntp_timestamp, sr.sender_info.rtp_timestamp) == (1, 5 << 32, 77)
    assert [chunk.items for chunk in sdes.chunks] == [[(1, b"cname")]]
    assert (rr.reports[0].packets_lost, rr.reports[0].fraction_lost, rr.reports[0].dlsr) == (-3, 128, 56)
    assert (nack.media_ssrc, [n & 0xFFFF for n in nack.lost]) == (5, [65535, 0, 3, 100])
    assert (pli.fmt, pli.media_ssrc) == (1, 5)
    assert fir.fmt == 4
    bitrate, ssrcs = aiortc_rtp.unpack_remb_fci(remb.fci)
    assert abs(bitrate - 2_500_000) < 16
    assert ssrcs == [5, 6]
    assert bye.sources == [1, 2]


def test_our_reader_understands_our_writer() -> None:
    """Round trip of what a viewer sends."""
    block = (5, 128, -3, 70000, 12, 34, 56)
    compound = rtcp.receiver_report(1, [block]) + rtcp.nack(1, 5, [65535, 0, 3]) + rtcp.picture_loss(1, 5)
    (kind, count, body), (_, form, nack), (_, pli_form, pli) = rtcp.packets(compound)
    assert list(rtcp.report_blocks(kind, count, body)) == [block]
    assert form == rtcp.NACK
    assert rtcp.nacked(nack) == (5, [65535, 0, 3])
    assert rtcp.keyframe_targets(pli_form, pli) == [5]
    assert rtcp.keyframe_targets(rtcp.FIR, next(rtcp.packets(rtcp.full_intra_request(1, 9, 2)))[2]) == [9]


def test_thousands_of_nacks_in_one_packet_are_cut() -> None:
    """The bound is MAX_NACKS sequence numbers a packet."""
    body = struct.pack("!II", 1, 5) + struct.pack("!HH", 7, 0xFFFF) * 300
    assert len(rtcp.nacked(body)[1]) == rtcp.MAX_NACKS


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    """Whoever holds the keys may still send nonsense."""
    for kind, count, body in rtcp.packets(data):
        list(rtcp.report_blocks(kind, count, body))
        rtcp.sender_info(body)
        rtcp.nacked(body)
        rtcp.keyframe_targets(count, body)
