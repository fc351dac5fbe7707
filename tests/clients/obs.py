"""A publisher made of what OBS Studio is made of: libdatachannel for the media and libcurl for HTTP, with OBS's habits.

What plugins/obs-webrtc/whip-output.cpp does is done here through libdatachannel's C functions: the same two sections, no
candidates in the offer, no PATCH, sender reports and a NACK responder, keyframe requests ignored. `curl` has libcurl's
redirect rules: the POST is repeated at the node and the bearer token with it.
"""

import ctypes
import re
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.clips import clip

HTTP_SECONDS = 8
"""OBS's timeout."""
NACK_PACKETS = 4000
CONNECTED, FAILED = 2, 4
START_SEQUENCE = 3
AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=ssrc:{ssrc} cname:{cname}
a=ssrc:{ssrc} msid:{msid} {msid}-audio
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
"""
VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=ssrc:{ssrc} cname:{cname}
a=ssrc:{ssrc} msid:{msid} {msid}-video
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
"""


class _Configuration(ctypes.Structure):
    _fields_ = (
        ("ice_servers", ctypes.c_void_p),
        ("ice_servers_count", ctypes.c_int),
        ("proxy", ctypes.c_char_p),
        ("bind", ctypes.c_char_p),
        ("certificate_type", ctypes.c_int),
        ("transport_policy", ctypes.c_int),
        ("ice_tcp", ctypes.c_bool),
        ("udp_mux", ctypes.c_bool),
        ("no_auto_negotiation", ctypes.c_bool),
        ("force_media_transport", ctypes.c_bool),
        ("port_begin", ctypes.c_uint16),
        ("port_end", ctypes.c_uint16),
        ("mtu", ctypes.c_int),
        ("max_message_size", ctypes.c_int),
    )


class _Packetizer(ctypes.Structure):
    _fields_ = (
        ("ssrc", ctypes.c_uint32),
        ("cname", ctypes.c_char_p),
        ("payload_type", ctypes.c_uint8),
        ("clock_rate", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("timestamp", ctypes.c_uint32),
        ("max_fragment", ctypes.c_uint16),
        ("nal_separator", ctypes.c_int),
        ("obu_packetization", ctypes.c_int),
        ("playout_delay_id", ctypes.c_uint8),
        ("playout_delay_min", ctypes.c_uint16),
        ("playout_delay_max", ctypes.c_uint16),
    )


_StateCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class Failed(Exception):  # noqa: N818 - what the server or the library said, for the test to show
    """A session that did not come to be."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What curl brought back: status, headers and body."""

    status: int
    body: str
    headers: dict[str, str]
    url: str
    """Where the redirects led."""
    hops: int


def curl(method: str, url: str, bearer: str, body: str = "") -> Answered:
    """One request with OBS's settings: redirects followed, the token sent to every host, 8 s."""
    with tempfile.TemporaryDirectory(prefix="sluice-curl") as folder:
        head = Path(folder) / "head"
        command = ["curl", "--silent", "--show-error", "--location-trusted", "--max-time", str(HTTP_SECONDS)]
        command += ["--dump-header", str(head), "--write-out", "\n%{http_code} %{num_redirects} %{url_effective}"]
        command += ["--header", f"Authorization: Bearer {bearer}", "--header", "Content-Type: application/sdp"]
        command += ["--request", method] if method != "POST" else ["--data-binary", "@-"]
        done = subprocess.run([*command, url], input=body, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"curl: {done.stderr.strip()}")
        text, _, told = done.stdout.rpartition("\n")
        status, hops, effective = told.split(" ", 2)
        last = head.read_text().replace("\r\n", "\n").strip().split("\n\n")[-1]
    fields = (line.partition(":") for line in last.split("\n")[1:])
    headers = {name.lower(): value.strip() for name, _, value in fields}
    return Answered(int(status), text, headers, effective, int(hops))


@dataclass
class Obs:
    """One session; `start` publishes the clip round and round in a thread."""

    library: ctypes.CDLL
    clip: clip.Clip
    video: list[bytes] = field(repr=False)
    audio: list[bytes] = field(repr=False)
    offer: str = ""
    created: Answered | None = None
    _bearer: str = field(default="", repr=False)
    _connection: int = -1
    _tracks: tuple[int, int] = (-1, -1)
    _states: list[int] = field(default_factory=list)
    _changed: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _keep: list[object] = field(default_factory=list, repr=False)
    _thread: threading.Thread | None = None

    def start(self, url: str, bearer: str) -> None:
        """Offer, connect, send; raises Failed with what went wrong."""
        self._bearer = bearer
        lib = self.library
        self._connection = lib.rtcCreatePeerConnection(ctypes.byref(_Configuration(no_auto_negotiation=True)))
        callback = _StateCallback(self._on_state)
        self._keep.append(callback)
        lib.rtcSetStateChangeCallback(self._connection, callback)
        names = {"cname": secrets.token_hex(8), "msid": secrets.token_hex(8)}
        ssrc = secrets.randbits(31)
        self._tracks = (self._add(AUDIO, ssrc, 111, 48000, names), self._add(VIDEO, ssrc + 1, 96, 90000, names))
        self._check(lib.rtcSetLocalDescription(self._connection, b"offer"), "the offer")
        buffer = ctypes.create_string_buffer(1 << 16)
        self._check(lib.rtcGetLocalDescription(self._connection, buffer, len(buffer)), "the offer's text")
        self.offer = _ungathered(buffer.value.decode())
        self.created = curl("POST", url, bearer, self.offer)
        if self.created.status != 201:
            raise Failed(f"{self.created.status} {self.created.body}")
        answer = self.created.body.encode()
        self._check(lib.rtcSetRemoteDescription(self._connection, answer, b"answer"), "the answer")
        end = time.monotonic() + HTTP_SECONDS
        while CONNECTED not in self._states:
            if FAILED in self._states or time.monotonic() > end:
                raise Failed(f"no connection: states {self._states}")
            self._changed.wait(0.1)
            self._changed.clear()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def stop(self) -> int | None:
        """What OBS does on Stop Streaming: close the connection, then DELETE; the status of that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        status = None
        if self._connection >= 0:
            self.library.rtcClosePeerConnection(self._connection)
            self.library.rtcDeletePeerConnection(self._connection)
            self._connection = -1
        if self.created is not None and self.created.status == 201:
            status = curl("DELETE", self.created.headers["location"], self._bearer).status
            self.created = None
        return status

    def _add(self, section: str, ssrc: int, payload_type: int, clock: int, names: dict[str, str]) -> int:
        lib = self.library
        track = self._check(lib.rtcAddTrack(self._connection, section.format(ssrc=ssrc, **names).encode()), "a track")
        init = _Packetizer(
            ssrc=ssrc,
            cname=names["cname"].encode(),
            payload_type=payload_type,
            clock_rate=clock,
            sequence=secrets.randbits(16),
            timestamp=secrets.randbits(32),
            nal_separator=START_SEQUENCE,
        )
        packetizer = lib.rtcSetH264Packetizer if clock == 90000 else lib.rtcSetOpusPacketizer
        self._check(packetizer(track, ctypes.byref(init)), "a packetizer")
        self._check(lib.rtcChainRtcpSrReporter(track), "sender reports")
        self._check(lib.rtcChainRtcpNackResponder(track, NACK_PACKETS), "the NACK responder")
        return track

    def _on_state(self, _connection: int, state: int, _pointer: object) -> None:
        self._states.append(state)
        self._changed.set()

    def _send(self) -> None:
        recipe = self.clip.recipe
        units = [(n / recipe.fps, 1, 90000, unit) for n, unit in enumerate(self.video)]
        units += [(n * 0.02 + 0.005, 0, 48000, packet) for n, packet in enumerate(self.audio)]
        units.sort(key=lambda unit: unit[0])
        began, offset = time.monotonic(), 0.0
        while True:
            for at, track, clock, data in units:
                if self._stop.wait(max(0.0, began + offset + at - time.monotonic())):
                    return
                timestamp = round((offset + at) * clock) & 0xFFFFFFFF
                self.library.rtcSetTrackRtpTimestamp(self._tracks[track], ctypes.c_uint32(timestamp))
                self.library.rtcSendMessage(self._tracks[track], data, len(data))
            offset += recipe.seconds

    @staticmethod
    def _check(code: int, what: str) -> int:
        if code < 0:
            raise Failed(f"libdatachannel refused {what}: {code}")
        return code


def _ungathered(sdp: str) -> str:
    """As OBS sends it: it switches automatic gathering off, for which the C functions have no switch."""
    lines = (line for line in sdp.splitlines() if not line.startswith(("a=candidate", "a=end-of-candidates")))
    text = "".join(f"{line}\r\n" for line in lines)
    return re.sub(r"c=IN IP4 \S+", "c=IN IP4 0.0.0.0", re.sub(r"(?m)^(m=\S+) \d+", r"\1 9", text))


def library(path: Path) -> ctypes.CDLL:
    """The shared library at *path*."""
    return ctypes.CDLL(str(path))


@contextmanager
def publishing(lib: ctypes.CDLL, url: str, bearer: str, recipe: clip.Recipe) -> Iterator[Obs]:
    """A publisher for as long as the block lasts."""
    obs = Obs(lib, clip.load(recipe), *clip.encoded(recipe))
    try:
        obs.start(url, bearer)
        yield obs
    finally:
        obs.stop()
