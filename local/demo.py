"""`make demo`: publishes a moving picture and a tone with FFmpeg's own WHIP muxer, until Ctrl-C, and prints the link.

What an encoder in the field sends: H264 with a keyframe a second, no B-frames, and Opus. FFmpeg follows the API's
redirect to a node like any other client. SECONDS=… ends it by itself.
"""

import heapq
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import av
from av.video.frame import PictureType

from local.settings import StackSettings
from sfu.environment import SettingsError

_RATE = 30
_ENCODER = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "b": "2500k", "maxrate": "2500k"}
_ACCOUNT = "studio-demo"  # the tier with the widest limits
_GOODBYE = 2.0
"""Seconds that FFmpeg has for its DELETE after Ctrl-C."""


def main() -> int:
    """Publish the test picture until stopped; the exit code."""
    try:
        settings = StackSettings.from_env(os.environ)
    except SettingsError as error:
        _say(str(error))
        return 2
    if not settings.stack_file.exists():
        port = f" PORT={settings.port}" if "PORT" in os.environ else ""
        _say(f"No stack is up on port {settings.port}. Start one in another terminal with: make up{port}")
        return 1
    stack = json.loads(settings.stack_file.read_text())
    key = next(account for account in stack["accounts"] if account["account"] == _ACCOUNT)["keys"][-1]
    stop = threading.Event()
    failures: list[av.FFmpegError] = []

    def run() -> None:
        try:
            publish(key["whip"], f"{stack['api']}/watch/{key['stream_id']}", settings.seconds, stop)
        except av.FFmpegError as error:
            failures.append(error)

    # In a thread: a call into FFmpeg that waits for the network hears no Ctrl-C. Its threads block the signal (they inherit
    # it blocked): the kernel may give it to any thread that does not, and then nothing wakes this one from its wait.
    publishing = threading.Thread(target=run, daemon=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    publishing.start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
        publishing.join()
    except KeyboardInterrupt:
        stop.set()
        publishing.join(_GOODBYE)
        _say("Stopped.")
        sys.stdout.flush()
        os._exit(0)  # the thread may be in FFmpeg still, which no exit of Python's waits for in peace
    if failures:
        _say(f"The stack ended the stream: {failures[0].strerror}. Why is in {settings.state / 'stack.log'}.")
        return 1
    return 0


def publish(whip: str, watch: str, seconds: float | None, stop: threading.Event) -> None:
    """Send the test picture and a beep to *whip*, in real time, for *seconds* or until *stop*."""
    with av.open(whip, "w", format="whip") as output:
        begun: float | None = None
        for at, packet in packets(output, seconds):
            if stop.wait(0.0 if begun is None else max(0.0, begun + at - time.monotonic())):
                break
            output.mux(packet)  # the first one makes FFmpeg post the offer and wait for the connection
            if begun is None:
                begun = time.monotonic() - at
                _say(f"Publishing a test picture. Watch it:\n\n  {watch}\n\nCtrl-C stops it.")


def packets(output: Any, seconds: float | None) -> Iterator[tuple[float, Any]]:
    """The test picture and a beep, encoded for the container *output*: each packet with its time in seconds from the start."""
    picture = av.open(f"testsrc2=size=1280x720:rate={_RATE}", format="lavfi")
    beep = av.open("sine=frequency=440:beep_factor=4:sample_rate=48000", format="lavfi")
    with picture, beep:
        video: Any = output.add_stream("libx264", rate=_RATE, options=_ENCODER)
        video.width, video.height, video.pix_fmt, video.gop_size = 1280, 720, "yuv420p", _RATE
        sound: Any = output.add_stream("libopus", rate=48_000, layout="stereo")
        frames = heapq.merge(
            _timed(_untyped(picture.decode(video=0)), video),
            _timed(beep.decode(audio=0), sound),
            key=lambda timed: timed[0],
        )
        for at, stream, frame in frames:
            if seconds is not None and at > seconds:
                break
            for packet in stream.encode(frame):
                yield at, packet


def _untyped(pictures: Iterator[Any]) -> Iterator[Any]:
    """Decoded pictures say what they were coded as (here each as a keyframe), which libx264 takes as a wish."""
    for picture in pictures:
        picture.pict_type = PictureType.NONE
        yield picture


def _timed(frames: Iterator[Any], stream: Any) -> Iterator[tuple[float, Any, Any]]:
    for frame in frames:
        yield float(frame.pts * frame.time_base), stream, frame


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a command's output


if __name__ == "__main__":
    sys.exit(main())
