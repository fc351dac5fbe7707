"""What a publisher sends: a 720p30 H264 clip of 2.5 Mbit/s with Opus, encoded once and kept in the temp directory.

Every payload of a clip is unlike every other, so that a viewer knows from a payload alone which one it is: that is how
latency and equality are checked without any change to the packets on their way.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np

from tests.peers.clips import h264

PAYLOAD_LIMIT = 1188  # with the 12 octets of RTP header a packet of 1200, as browsers and OBS send at most
UUID = b"sluice-test-peer"
Kind = Literal["video", "audio"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a clip; equal recipes give the same file."""

    seconds: int = 10
    gop_seconds: float = 1.0
    video_kbps: int = 2500
    audio_kbps: int = 96
    width: int = 1280
    height: int = 720
    fps: int = 30
    version: int = 3


@dataclass(frozen=True, slots=True)
class Payload:
    """One RTP payload of the clip, with its place in it."""

    number: int
    kind: Kind
    at: float
    """Seconds from the clip's start."""
    data: bytes
    marker: bool
    frame: int
    keyframe: bool
    """It belongs to an access unit that can be decoded without another one."""
    ahead: float = 0.0
    """Seconds that it is shown after its turn in the order of sending, before if negative: B-frames."""


@dataclass(frozen=True, slots=True)
class Clip:
    """All payloads in the order of sending, and how to find one."""

    recipe: Recipe
    payloads: tuple[Payload, ...]
    by_data: dict[bytes, int] = field(repr=False)
    following: tuple[int, ...] = field(repr=False)
    """Payload number -> the next one of the same kind, round and round."""
    keyframe_sizes: dict[int, int] = field(repr=False)
    """Frame number -> how many payloads a keyframe has."""


def load(recipe: Recipe) -> Clip:
    """The clip of *recipe*: from the temp directory, or encoded now (a few seconds)."""
    return _clip(recipe, *encoded(recipe))


def encoded(recipe: Recipe) -> tuple[list[bytes], list[bytes]]:
    """What the encoders gave: H264 access units in Annex B, and Opus packets."""
    name = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / "sluice-clips" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(_dump(list(_video(recipe)), list(_audio(recipe))))
        part.rename(path)
    return _parse(path.read_bytes())


def _clip(recipe: Recipe, video: list[bytes], audio: list[bytes]) -> Clip:
    timed: list[tuple[float, Kind, bytes, bool, int, bool]] = []
    for frame, unit in enumerate(video):
        nals = h264.split(unit)
        key = h264.is_keyframe(nals)
        if key:
            slices = next(n for n, nal in enumerate(nals) if nal[0] & 31 == h264.IDR)
            headers = [nal for nal in nals[:slices] if nal[0] & 31 in (h264.SPS, h264.PPS)]
            nals = [*headers, h264.identity(UUID, frame), *nals[slices:]]
        parts = h264.packetise(nals, PAYLOAD_LIMIT)
        at = frame / recipe.fps
        timed += [(at, "video", part, n == len(parts) - 1, frame, key) for n, part in enumerate(parts)]
    # Audio in between the video's frames, as two clocks that do not know each other give it.
    timed += [(n * 0.02 + 0.005, "audio", packet, False, n, False) for n, packet in enumerate(audio)]
    timed.sort(key=lambda item: item[0])
    payloads = tuple(
        Payload(n, kind, at, data, marker, frame, key) for n, (at, kind, data, marker, frame, key) in enumerate(timed)
    )
    by_data = {p.data: p.number for p in payloads}
    if len(by_data) != len(payloads):
        raise RuntimeError("two payloads of the clip are alike")
    sizes: dict[int, int] = {}
    for p in payloads:
        if p.keyframe:
            sizes[p.frame] = sizes.get(p.frame, 0) + 1
    following = [0] * len(payloads)
    for kind in ("video", "audio"):
        ring = [p.number for p in payloads if p.kind == kind]
        for n, number in enumerate(ring):
            following[number] = ring[(n + 1) % len(ring)]
    return Clip(recipe, payloads, by_data, tuple(following), sizes)


def _video(recipe: Recipe) -> Iterator[bytes]:
    """Access units in Annex B: a drifting texture with noise, so that the encoder needs the bits that it is given."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = recipe.width, recipe.height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, recipe.fps), Fraction(recipe.fps)
    codec.bit_rate = recipe.video_kbps * 1000
    gop = round(recipe.gop_seconds * recipe.fps)
    codec.thread_count = 1
    codec.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "g": str(gop),
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:repeat-headers=1:threads=1"
        f":vbv-maxrate={recipe.video_kbps}:vbv-bufsize={recipe.video_kbps}",
    }
    rng = np.random.default_rng(1)
    texture = (
        rng.integers(16, 235, (recipe.height // 8 + 64, recipe.width // 8 + 64), dtype=np.uint8)
        .repeat(8, 0)
        .repeat(8, 1)
    )
    for n in range(recipe.seconds * recipe.fps):
        dx, dy = (2 * n) % 384, int(64 * (1 + math.sin(n / 20)))
        luma = texture[dy : dy + recipe.height, dx : dx + recipe.width].astype(np.int16)
        luma += rng.integers(-6, 7, luma.shape, dtype=np.int16)
        planes = np.full((recipe.height * 3 // 2, recipe.width), 128, np.uint8)
        planes[: recipe.height] = luma.clip(16, 235)
        planes[recipe.height : recipe.height * 5 // 4] = (96 + n % 64) & 255
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, recipe.fps)
        for packet in codec.encode(frame):
            yield bytes(packet)
    for packet in codec.encode(None):
        yield bytes(packet)


def _audio(recipe: Recipe) -> Iterator[bytes]:
    """Opus packets of 20 ms: a 440 Hz tone in noise."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48000, "stereo", "s16"
    codec.bit_rate = recipe.audio_kbps * 1000
    codec.time_base = Fraction(1, 48000)
    rng = np.random.default_rng(2)
    packets: list[bytes] = []
    wanted = recipe.seconds * 50
    for n in range(wanted + 2):
        t = (np.arange(960) + 960 * n) / 48000
        tone = 8000 * np.sin(2 * np.pi * 440 * t) + rng.normal(0, 400, 960)
        frame = av.AudioFrame.from_ndarray(tone.astype(np.int16).repeat(2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 960 * n, Fraction(1, 48000)
        packets += [bytes(packet) for packet in codec.encode(frame)]
    yield from packets[:wanted]


def _dump(video: list[bytes], audio: list[bytes]) -> bytes:
    head = json.dumps([[len(u) for u in video], [len(p) for p in audio]]).encode()
    return head + b"\n" + b"".join(video) + b"".join(audio)


def _parse(data: bytes) -> tuple[list[bytes], list[bytes]]:
    head, blob = data.split(b"\n", 1)
    out: list[list[bytes]] = []
    at = 0
    for sizes in json.loads(head):
        units = []
        for size in sizes:
            units.append(blob[at : at + size])
            at += size
        out.append(units)
    return out[0], out[1]
