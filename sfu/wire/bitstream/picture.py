"""What one RTP payload says of the picture that it belongs to: flags, the same for all codecs.

Each packet is looked at alone; `sfu.media.keyframe_assembly` finds which packets make a keyframe.
"""

from typing import Final

KEY: Final = 1
"""The picture begins here, and a decoder can start with it: an IDR or IRAP slice, a frame whose own header says key frame."""
RECOVERY: Final = 2
"""A recovery point (H.264, D.2.8): a decoder that knows such can start with the picture; browsers wait for an IDR."""
SETS: Final = 4
"""There are parameter sets in it, or AV1's sequence header."""
OPENING: Final = 8
"""There is nothing in it but what precedes the slices of a picture: parameter sets, SEI, delimiters."""
STARTS: Final = 16
"""Nothing that a decoder needs of the picture comes before this packet."""

Size = tuple[int, int]
"""Width and height of a picture in pixels."""
ParameterSet = tuple[int, int, bytes]
"""Place in the order in which a decoder wants them, id, NAL unit or OBU."""
