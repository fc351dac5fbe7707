"""Streams of a moving picture as x264 and x265 encode it with given options, B-frames included, and as clips to publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import av
import numpy as np

from tests.peers.clips import h264
from tests.peers.clips.clip import PAYLOAD_LIMIT, Clip, Payload, Recipe

FPS = 30
Codec = Literal["H264", "H265"]


@dataclass(frozen=True)
class Encoded:
    """One access unit in Annex B."""

    data: bytes
    shown: int
    """Its place in the order of showing."""


@cache
def encode(
    codec: Codec, options: str, *, frames: int = 48, pixels: str = "yuv420p", profile: str = "high"
) -> tuple[Encoded, ...]:
    """A drifting texture by x264 or x265 with *options*, in the order of decoding."""
    context: Any = av.CodecContext.create("libx264" if codec == "H264" else "libx265", "w")
    context.width, context.height, context.pix_fmt = 192, 128, pixels
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.thread_count = 1
    base = "scenecut=0:repeat-headers=1"
    if codec == "H264":
        context.options = {"preset": "veryfast", "profile": profile, "x264-params": f"{base}:threads=1:{options}"}
    else:
        quiet = "log-level=none:frame-threads=1:pools=none"
        context.options = {"preset": "ultrafast", "x265-params": f"{base}:{quiet}:{options}"}
    texture = np.random.default_rng(1).integers(16, 235, (48, 72), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    units = []
    for n in range(frames):
        luma = texture[n : n + 128, 2 * n : 2 * n + 192]
        frame = av.VideoFrame.from_ndarray(np.vstack([luma, np.full((64, 192), 128, np.uint8)]), format="yuv420p")
        frame = frame.reformat(format=pixels)
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        units += context.encode(frame)
    units += context.encode(None)
    return tuple(Encoded(bytes(unit), unit.pts) for unit in units)


def clip_of(units: Sequence[Encoded]) -> Clip:
    """What a publisher sends of *units*: one a frame's time in the order of decoding, with timestamps of showing."""
    payloads: list[Payload] = []
    sizes = {}
    for number, unit in enumerate(units):
        nals = h264.split(unit.data)
        key = h264.is_keyframe(nals)
        parts = h264.packetise([*nals[:-1], h264.identity(b"sluice-reordered", number), nals[-1]], PAYLOAD_LIMIT)
        if key:
            sizes[number] = len(parts)
        payloads += [
            Payload(
                len(payloads) + n, "video", number / FPS, part, n == len(parts) - 1, number, key,
                (unit.shown - number) / FPS,
            )
            for n, part in enumerate(parts)
        ]  # fmt: skip
    following = tuple((n + 1) % len(payloads) for n in range(len(payloads)))
    by_data = {payload.data: payload.number for payload in payloads}
    return Clip(Recipe(seconds=len(units) // FPS), tuple(payloads), by_data, following, sizes)
