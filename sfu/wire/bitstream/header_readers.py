"""What a payload says of its picture, by codec; its size is another question (`sfu.wire.bitstream.picture_size`). Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sfu.wire.bitstream import av1, h264, h265, vp8, vp9
from sfu.wire.bitstream.picture import ParameterSet


def _none(_: object) -> Iterator[ParameterSet]:
    return iter(())


@dataclass(frozen=True, slots=True)
class HeaderReader:
    """How the headers of one codec are read."""

    look: Callable[[bytes], int]
    """Flags of `sfu.wire.bitstream.picture` for a payload that is not empty."""
    parameter_sets: Callable[[bytes], Iterator[ParameterSet]] = _none
    """Those in a payload whose flags have SETS."""
    out_of_band: Callable[[Mapping[str, str]], Iterator[ParameterSet]] = _none
    """Those in the format parameters of an offer."""
    kinds: int = 0
    """How many kinds of parameter sets a decoder needs: their places in its order are 0 to *kinds* - 1."""
    nal: bool = False
    """A picture is a row of NAL units: what precedes its slices may come in packets of its own."""

    def flags(self, payload: bytes) -> int:
        """What *payload* says of its picture; nothing, where it is empty (padding)."""
        return self.look(payload) if payload else 0


_READERS: Final[Mapping[str, HeaderReader]] = {
    "H264": HeaderReader(h264.look, h264.parameter_sets, h264.out_of_band, kinds=2, nal=True),
    "H265": HeaderReader(h265.look, h265.parameter_sets, h265.out_of_band, kinds=3, nal=True),
    "VP8": HeaderReader(vp8.look),
    "VP9": HeaderReader(vp9.look),
    "AV1": HeaderReader(av1.look, av1.parameter_sets, kinds=1),
}
_OTHER: Final = HeaderReader(lambda _payload: 0)


def header_reader(codec: str) -> HeaderReader:
    """That of *codec*; of one that has no keyframes (sound), nothing is ever seen."""
    return _READERS.get(codec, _OTHER)
