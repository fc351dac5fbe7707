"""Pictures with a number in them that survives coding, and codecs by PyAV to encode and decode them.

Each picture is a fixed texture under eight bars, black or white: the bits of its number. A decoder that began where it could not
shows grey or another picture's bars, and both are seen.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 64
BITS = 8
FPS = 5
WORST = 14.0
"""Mean difference of a pixel of a right picture at most; wrong ones differ by 30 and more."""
ENCODERS = {"H264": "libx264", "H265": "libx265", "VP8": "libvpx", "VP9": "libvpx-vp9", "AV1": "libsvtav1"}
DECODERS = {"H264": "h264", "H265": "hevc", "VP8": "vp8", "VP9": "vp9", "AV1": "libdav1d"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is encoded; equal recipes are encoded once."""

    codec: str
    options: tuple[tuple[str, str], ...] = ()
    frames: int = 50
    gop: int = 20
    width: int = WIDTH
    first: int = 0
    """The number of the first picture."""


@cache
def texture(width: int) -> NDArray[np.uint8]:
    """What all pictures of a width have in common."""
    return np.random.default_rng(7).integers(60, 190, (HEIGHT // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)


@cache
def picture(number: int, width: int = WIDTH) -> NDArray[np.uint8]:
    """The luma of picture *number*."""
    luma = texture(width).copy()
    bar = width // BITS
    for bit in range(BITS):
        luma[16:48, bit * bar : (bit + 1) * bar] = 220 if number >> bit & 1 else 30
    return luma


def number_of(luma: NDArray[np.uint8]) -> int | None:
    """Which picture this is, or None where it is no right picture."""
    width = luma.shape[1]
    bar = width // BITS
    means = luma[20:44].reshape(24, BITS, bar)[:, :, 3:-3].mean((0, 2))
    number = sum(1 << bit for bit in range(BITS) if means[bit] > 125)
    difference = np.abs(luma.astype(np.int16) - picture(number, width).astype(np.int16)).mean()
    return number if difference < WORST else None


_context: Any = av.CodecContext.create  # which class it gives depends on the codec


@cache
def encoded(recipe: Recipe) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """The coded pictures in order, and which of them a decoder can start with."""
    codec = _context(ENCODERS[recipe.codec], "w")
    codec.width, codec.height, codec.pix_fmt = recipe.width, HEIGHT, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.gop_size, codec.max_b_frames, codec.thread_count = recipe.gop, 0, 1
    codec.options = {**_USUAL[recipe.codec](recipe.gop), **dict(recipe.options)}
    chroma = np.full((HEIGHT // 2, recipe.width), 128, np.uint8)
    out: list[Any] = []
    for n in range(recipe.frames):
        whole = np.concatenate([picture((recipe.first + n) % 256, recipe.width), chroma])
        frame = av.VideoFrame.from_ndarray(whole, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        out += codec.encode(frame)
    out += codec.encode(None)
    if len(out) != recipe.frames:
        raise RuntimeError(f"{recipe.codec}: {len(out)} packets for {recipe.frames} pictures")
    return tuple(bytes(packet) for packet in out), tuple(n for n, packet in enumerate(out) if packet.is_keyframe)


_USUAL: Mapping[str, Callable[[int], dict[str, str]]] = {
    "H264": lambda gop: {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:sliced-threads=0",
    },
    "H265": lambda gop: {
        "preset": "ultrafast",
        "x265-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:rc-lookahead=0:log-level=none:pools=none:"
        "frame-threads=1:repeat-headers=1:open-gop=0",
    },
    "VP8": lambda _gop: {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "b": "200k"},
    "VP9": lambda _gop: {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "b": "200k"},
    "AV1": lambda gop: {
        "preset": "12",
        "crf": "30",
        "svtav1-params": f"keyint={gop}:pred-struct=1:lookahead=0:scd=0:lp=1:rc=0:irefresh-type=2",
    },
}


@dataclass(slots=True)
class Decoder:
    """A decoder and what it showed."""

    codec: str
    shown: list[int | None] = field(default_factory=list)
    """The number of each picture, None for a wrong one."""
    failures: int = 0
    context: Any = None

    def feed(self, unit: bytes) -> int:
        """Decode one picture; how many were shown."""
        if self.context is None:
            self.context = _context(DECODERS[self.codec], "r")
            self.context.thread_count = 1
            self.context.options = _DECODING.get(self.codec, {})
        before = len(self.shown)
        try:
            for frame in self.context.decode(av.Packet(unit)):
                self._show(frame)
        except av.FFmpegError:
            self.failures += 1
        return len(self.shown) - before

    def finish(self) -> None:
        """Show what it kept back."""
        if self.context is not None and self.context.is_open:
            for frame in self.context.decode(None):
                self._show(frame)

    def _show(self, frame: Any) -> None:
        plane = frame.planes[0]
        rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
        self.shown.append(number_of(rows[: frame.height, : frame.width]))


_DECODING: Mapping[str, dict[str, str]] = {
    "H264": {"flags": "low_delay"},
    "H265": {"flags": "low_delay"},
    "AV1": {"max_frame_delay": "1"},
}


def shows(codec: str, units: Iterable[bytes]) -> list[int | None]:
    """The pictures that a decoder shows of *units*."""
    decoder = Decoder(codec)
    for unit in units:
        decoder.feed(unit)
    decoder.finish()
    return decoder.shown
