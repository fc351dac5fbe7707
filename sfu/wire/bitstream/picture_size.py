"""How large a picture is, as its own bits say: it tells the layers of a simulcast apart when they carry next to nothing.

The size is in the first RTP payload of a keyframe (VP8, VP9), in an SPS (H264, H265) or in a sequence header (AV1); each codec's
module reads its own. Where no size is found, layers are told apart by what they carry.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sfu.wire.bitstream import av1, h264, h265, vp8, vp9
from sfu.wire.bitstream.picture import Size

_SHORTEST: Final = 4
"""Bytes of a payload below which none states a size."""
_READERS: Final[Mapping[str, Callable[[bytes], Size | None]]] = {
    "H264": h264.picture_size,
    "H265": h265.picture_size,
    "VP8": vp8.picture_size,
    "VP9": vp9.picture_size,
    "AV1": av1.picture_size,
}


def picture_size(codec: str, payload: bytes) -> Size | None:
    """The width and height that *payload* of *codec* states; None where it states none that we read."""
    reader = _READERS.get(codec)
    return None if reader is None or len(payload) < _SHORTEST else reader(payload)
