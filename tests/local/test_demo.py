"""`make demo`, against a stack and without one."""

import io
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest

from local.demo import packets
from local.process.processes import ROOT
from local.setup.environments import DEMO, prepare
from tests.local.builders import wait_for
from tests.ports import free_ports


def test_a_keyframe_comes_once_a_second_and_no_picture_between_is_one() -> None:
    """A viewer who joins meets what encoders in the field send, not a stream of keyframes."""
    with av.open(io.BytesIO(), "w", format="matroska") as output:
        video = [packet.is_keyframe for _, packet in packets(output, 4) if packet.stream.type == "video"]

    assert len(video) in {120, 121}
    assert [number for number, key in enumerate(video) if key] == list(range(0, len(video), 30))


@pytest.mark.stack
def test_the_demo_is_live_while_it_runs(stack: dict[str, Any]) -> None:
    """FFmpeg's muxer follows the redirect, the picture is on the air, and its link is printed."""
    key = next(one for one in stack["accounts"] if one["account"] == "studio-demo")["keys"][-1]

    def live() -> bool:
        url = f"{stack['api']}/v1/streams/{key['stream_id']}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # a URL from stack.json
            return bool(json.load(answer)["live"])

    prepare((DEMO,), print)  # outside `make test` it may be missing still
    port = stack["api"].rpartition(":")[2]
    command = ["make", "demo", f"PORT={port}", "SECONDS=3"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        link = f"{stack['api']}/watch/{key['stream_id']}"
        assert any(link in line for line in process.stdout), "the demo never said that it publishes"
        wait_for(live)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    wait_for(lambda: not live())


@pytest.mark.stack
@pytest.mark.parametrize("taken_over", [False, True])
def test_the_demo_ends_on_ctrl_c_also_when_its_stream_was_ended(stack: dict[str, Any], *, taken_over: bool) -> None:
    """Another one took the key over; FFmpeg may not have noticed and wait for the network, which must not hold us up."""
    key = next(one for one in stack["accounts"] if one["account"] == "studio-demo")["keys"][-1]
    prepare((DEMO,), print)
    command = [str(DEMO.python), "-m", "local.demo"]
    environment = {**os.environ, "PORT": stack["api"].rpartition(":")[2]}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that starts its tests in the background has them ignore Ctrl-C, and they their children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no lock is taken in it
    ) as process:
        assert process.stdout is not None
        try:
            assert any(f"/watch/{key['stream_id']}" in line for line in process.stdout)
            assert _threads_that_take_ctrl_c(process.pid) == [process.pid], (
                "one of FFmpeg's may take it from the one that waits"
            )
            if taken_over:
                with pytest.raises(urllib.error.HTTPError, match="307"):
                    urllib.request.urlopen(_offer(f"{key['whip']}?force=1"), timeout=10)  # noqa: S310  # as above
            process.send_signal(signal.SIGINT)
            process.wait(10)
        finally:
            process.kill()
    assert process.returncode in ((0, 1) if taken_over else (0,))


def _threads_that_take_ctrl_c(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    blocked = {int(thread.name): _field((thread / "status").read_text(), "SigBlk") for thread in threads}
    return [thread for thread, mask in blocked.items() if not int(mask, 16) >> (signal.SIGINT - 1) & 1]


def _field(status: str, name: str) -> str:
    return next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))


def _offer(url: str) -> urllib.request.Request:
    offer = (ROOT / "tests" / "sfu" / "offers" / "ffmpeg-9.sdp").read_bytes()
    return urllib.request.Request(url, offer, {"Content-Type": "application/sdp"}, method="POST")  # noqa: S310  # as above


@pytest.mark.stack
def test_without_a_stack_the_demo_says_how_to_start_one() -> None:
    """On the port that was asked for."""
    port = free_ports()
    done = subprocess.run(
        ["make", "demo", f"PORT={port}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert f"No stack is up on port {port}. Start one in another terminal with: make up PORT={port}" in done.stdout
