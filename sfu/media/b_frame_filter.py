"""Finds B-frames, pictures that are sent out of the order in which they are shown, and leaves out those that it can.

WebRTC decodes in the order of arrival and shows at once; Chromium decodes some six of 180 pictures of a stream with B-frames. A
picture that no other refers to can be left out, and the rest decodes in order. One that is out of order and that others refer to
cannot: then `broken` says so, and the session is to end.

A picture is out of order by two signs together: its slices are of B type, and a picture that was sent before it is shown
after it, by its timestamp or by its POC. B slices alone prove nothing (low-delay encoders use them in order), and neither
does the High profile. H265 encoders use B slices everywhere, so there the order alone decides.
"""

from collections import OrderedDict
from typing import Final, Literal

from sfu.media.incoming_rtp_stream import MAX_JUMP
from sfu.wire.bitstream.h264_slices import H264Slices, NeededBy, SliceHeader
from sfu.wire.bitstream.h265_slices import H265Slices
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.picture import SETS

REMEMBERED: Final = 64
"""Left-out pictures whose late packets are still known."""
MAX_BEHIND: Final = 10 * 90_000
"""A timestamp that is further behind than 10 s is a clock that was set, not a picture out of order."""

Codec = Literal["H264", "H265"]


class BFrameFilter:
    """Judges the pictures of one section, H264 or H265, in the order in which they are sent."""

    __slots__ = (
        "_codec",
        "_latest",
        "_left_out",
        "_newest",
        "_reference",
        "_shown",
        "_slices",
        "_ssrc",
        "broken",
        "found",
    )

    def __init__(self, codec: Codec) -> None:
        self.found = False
        """Whether a picture was out of order."""
        self.broken = False
        """Whether such a picture is one that others refer to: leaving it out would spoil them."""
        self._codec: Codec = codec
        self._slices = _slices_of(codec)
        self._ssrc = -1
        self._newest = 0
        """Extended number of the newest packet (`sfu.media.incoming_rtp_stream`)."""
        self._latest: int | None = None
        """The latest timestamp of the pictures so far."""
        self._shown: int | None = None
        """The highest POC since the sequence of pictures began; None: unknown."""
        self._reference = 0
        """The POC of the last picture that others refer to: POC's low bits are told against it (H.264, 8.2.1.1)."""
        self._left_out: OrderedDict[int, None] = OrderedDict()

    def leaves_out(self, ssrc: int, number: int, timestamp: int, payload: bytes) -> bool:
        """Whether the packet with this extended *number* belongs to a picture that viewers are not to get.

        All packets of the section are to be asked about, as what they say of pictures is remembered.
        """
        if ssrc != self._ssrc or number - self._newest > MAX_JUMP:
            self._begin(ssrc, number)
        in_order = number > self._newest
        if in_order:
            self._newest = number
        if timestamp in self._left_out:
            # Parameter sets of the picture after it may come with its timestamp.
            return not header_reader(self._codec).flags(payload) & SETS
        head, needed_by = self._slices.first_slice(payload)
        if head is not None and in_order:
            return self._judge(head, timestamp)
        if not in_order:
            # The rest of its picture was judged by what came in order; of a picture that comes late as a whole the order is
            # not known any more, and where no other refers to it, nobody misses it.
            if head is None or not self.found:
                return False
            is_b, reference, _anew, _low, _modulus = head
            if reference or not is_b:
                return False
            self._leave_out(timestamp)
            return True
        if needed_by is NeededBy.PICTURE and self.found and self._behind(timestamp):
            self._leave_out(timestamp)  # its first packet is missing
            return True
        # Of which picture it is, is not known yet: a description that is left over would tear the sequence for nothing.
        return needed_by is NeededBy.NOTHING and (self.found or self._behind(timestamp))

    def _begin(self, ssrc: int, number: int) -> None:
        """Forget pictures and parameter sets: another source begins, or the same began anew."""
        self._ssrc = ssrc
        self._newest = number - 1
        self._latest = self._shown = None
        self._left_out.clear()
        self._slices = _slices_of(self._codec)

    def _judge(self, head: SliceHeader, timestamp: int) -> bool:
        is_b, reference, anew, low, modulus = head
        poc: int | None = None
        if modulus > 1 and low is not None:
            half = modulus >> 1
            poc = low if anew else self._reference + (low - self._reference + half) % modulus - half
            early = self._shown is not None and poc < self._shown
        else:
            # POC of type 2 is the order of decoding; where POC is not known, the timestamps tell.
            early = low is None and self._behind(timestamp)
        if anew or not is_b or not early:
            self._pass(timestamp, poc, anew=anew or early)
            if reference and poc is not None:
                self._reference = poc
            return False
        self.found = True
        if reference:
            self.broken = True
            return False
        self._leave_out(timestamp)
        return True

    def _pass(self, timestamp: int, poc: int | None, *, anew: bool) -> None:
        """Let viewers get this picture; *anew*: what came before it says nothing any more of the order."""
        if anew or not self._behind(timestamp):
            self._latest = timestamp
        if anew or poc is None or self._shown is None or poc > self._shown:
            self._shown = poc

    def _behind(self, timestamp: int) -> bool:
        return self._latest is not None and 0 < (self._latest - timestamp) & 0xFFFFFFFF < MAX_BEHIND

    def _leave_out(self, timestamp: int) -> None:
        self._left_out[timestamp] = None
        if len(self._left_out) > REMEMBERED:
            self._left_out.popitem(last=False)


def _slices_of(codec: Codec) -> H264Slices | H265Slices:
    return H265Slices() if codec == "H265" else H264Slices()


def b_frame_filter(codec: str) -> BFrameFilter | None:
    """The filter for a section of *codec*; None where pictures always come in the order of showing (VP8, VP9, AV1)."""
    match codec:
        case "H264" | "H265":
            return BFrameFilter(codec)
        case _:
            return None
