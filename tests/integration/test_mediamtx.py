"""A real MediaMTX, with its reporter, in a whole stack: it admits by our keys, and its sessions count and can be ended."""

import io
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import boto3
import numpy as np
import pytest

from local import settings
from local.fleet import PYTHON
from local.process.processes import ROOT
from sluice.console import main as sluice
from tests.integration.metering.test_exact import queue
from tests.peers.conftest import started
from tests.ports import free_port

CONFIGURATION = """logLevel: info
rtsp: no
hls: no
srt: no
moq: no
webrtcAddress: 127.0.0.1:{http}
webrtcLocalUDPAddress: 127.0.0.1:{udp}
webrtcIPsFromInterfaces: no
webrtcAdditionalHosts: [127.0.0.1]
rtmpAddress: 127.0.0.1:RTMP
api: yes
apiAddress: 127.0.0.1:API
authMethod: http
authHTTPAddress: http://127.0.0.1:AUTH/auth
authHTTPExclude: [{{action: api}}]
paths:
  all_others:
"""


class Encoder(threading.Thread):
    """FFmpeg's RTMP encoder, which publishes a grey picture until it is stopped or thrown out."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._over = threading.Event()
        self.failed = ""

    def run(self) -> None:
        """Publish until the encoder is stopped."""
        try:
            self._publish()
        except (av.FFmpegError, OSError) as error:
            self.failed = str(error) or type(error).__name__

    def _publish(self) -> None:
        with av.open(self._url, "w", format="flv") as out:
            stream = out.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            stream.options = {"tune": "zerolatency", "g": "10"}
            number = 0
            while not self._over.wait(0.1):
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 255, np.uint8), format="rgb24")
                frame.pts = number
                number += 1
                for packet in stream.encode(frame):
                    out.mux(packet)

    def stop(self) -> None:
        """End the stream, and wait until the thread has ended."""
        self._over.set()
        self.join(10)


@contextmanager
def reporter(stack: dict[str, Any], auth: int, api: int, url: str, log: Path) -> Iterator[None]:
    """`python -m sfu.gateway.reporter` for as long as the block lasts."""
    state = settings.state_directory(urlsplit(stack["api"]).port or 80)
    sqs = boto3.client(
        "sqs", endpoint_url=stack["emulator"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_SHARED_CREDENTIALS_FILE": str(state.resolve() / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": stack["emulator"],
        "SLUICE_NODE_ID": "mtx1",
        "SLUICE_API_URL": stack["api"].rstrip("/"),
        "SLUICE_QUEUE_URL": queue(stack, sqs),
        "SLUICE_PUBLIC_URL": url,
        "SLUICE_HTTP_BIND": f"127.0.0.1:{auth}",
        "SLUICE_MEDIAMTX_API": f"http://127.0.0.1:{api}",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PYTHON, "-m", "sfu.gateway.reporter"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(20) == 0, log.read_text()


def fetch(url: str, token: str = "") -> Any:
    """The JSON at *url*; None where it is refused."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        return None


def until(claim: Callable[[], Any], seconds: float = 20) -> Any:
    """What *claim* says, once it is true."""
    end = time.monotonic() + seconds
    while not (found := claim()):
        if time.monotonic() > end:
            pytest.fail("it did not come true")
        time.sleep(0.2)
    return found


@pytest.mark.timeout(180)
def test_a_real_mediamtx_admits_counts_and_ends(
    stack: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg by RTMP: wrong keys stay out, one stream is one slot, bytes are paid for, the operator ends it."""
    ports = {name: free_port() for name in ("RTMP", "API", "AUTH")}
    configuration = CONFIGURATION
    for name, port in ports.items():
        configuration = configuration.replace(name, str(port))
    account = next(each for each in stack["accounts"] if each["account"] == "registered-demo")
    (key, second), api = account["keys"], stack["api"].rstrip("/")
    rtmp = f"rtmp://127.0.0.1:{ports['RTMP']}"
    monkeypatch.setenv(
        "AWS_SHARED_CREDENTIALS_FILE", str(settings.state_directory(urlsplit(api).port or 80) / "credentials")
    )
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def operator(*arguments: str) -> Any:
        out = io.StringIO()
        assert sluice(["--api", api, "--json", *arguments], out) == 0
        return json.loads(out.getvalue())

    def live() -> Any:
        return (fetch(f"{api}/v1/streams/{key['stream_id']}") or {}).get("live")

    with (
        started(configuration) as server,
        reporter(stack, ports["AUTH"], ports["API"], server.url, tmp_path / "r"),
    ):
        until(lambda: any(node["node"] == "mtx1" for node in operator("nodes", "list")["nodes"]))
        for wrong in ("", "?pass=live_" + "a" * 32, f"?pass={second['stream_key']}"):
            refused = Encoder(f"{rtmp}/{key['stream_id']}{wrong}")
            refused.start()
            refused.join(15)
            assert refused.failed, f"{wrong} was let in"

        encoder = Encoder(f"{rtmp}/{key['stream_id']}?user=obs&pass={key['stream_key']}")
        encoder.start()
        until(live)
        too_many = Encoder(f"{rtmp}/{second['stream_id']}?pass={second['stream_key']}")
        too_many.start()
        too_many.join(15)
        assert too_many.failed, "the account has one stream"
        until(lambda: fetch(f"{api}/v1/account", account["token"])["usage"]["bytes"])
        (session,) = (each for each in operator("sessions", "list")["sessions"] if each["node"] == "mtx1")
        operator("sessions", "end", session["session"])
        encoder.join(15)
        assert encoder.failed, "it was thrown out"
        until(lambda: not live())
        encoder.stop()
    assert key["stream_key"] not in (tmp_path / "r").read_text()
