"""For each codec the functions that read what an RTP payload says of its picture.

The size of the picture is another question (`sfu.wire.bitstream.picture_size`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sfu.wire.bitstream import av1, h264, h265, vp8, vp9
from sfu.wire.bitstream.picture import ParameterSet


def _none(_: object) -> Iterator[ParameterSet]:
    return iter(())


@dataclass(frozen=True, slots=True)
class HeaderReader:
    """The functions that read the headers of one codec."""

    picture_flags: Callable[[bytes], int]
    """Flags of `sfu.wire.bitstream.picture` for a payload that is not empty."""
    parameter_sets: Callable[[bytes], Iterator[ParameterSet]] = _none
    """The parameter sets in a payload whose flags have SETS."""
    out_of_band: Callable[[Mapping[str, str]], Iterator[ParameterSet]] = _none
    """The parameter sets in the format parameters (`a=fmtp`) of an offer."""
    kinds: int = 0
    """How many kinds of parameter sets a decoder needs: their places in its order are 0 to *kinds* - 1."""
    nal: bool = False
    """Whether a picture is a row of NAL units, so that what precedes its slices may come in packets of its own."""

    def flags(self, payload: bytes) -> int:
        """What *payload* says of its picture, as flags of `sfu.wire.bitstream.picture`; 0 where it is empty (padding)."""
        return self.picture_flags(payload) if payload else 0


_READERS: Final[Mapping[str, HeaderReader]] = {
    "H264": HeaderReader(h264.picture_flags, h264.parameter_sets, h264.out_of_band, kinds=2, nal=True),
    "H265": HeaderReader(h265.picture_flags, h265.parameter_sets, h265.out_of_band, kinds=3, nal=True),
    "VP8": HeaderReader(vp8.picture_flags),
    "VP9": HeaderReader(vp9.picture_flags),
    "AV1": HeaderReader(av1.picture_flags, av1.parameter_sets, kinds=1),
}
_OTHER: Final = HeaderReader(lambda _payload: 0)


def header_reader(codec: str) -> HeaderReader:
    """The reader for *codec*, an upper-case encoding name; that of a codec without keyframes (sound) finds nothing."""
    return _READERS.get(codec, _OTHER)
