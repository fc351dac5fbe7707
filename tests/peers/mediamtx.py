"""MediaMTX as a server to prove the peers on and to measure against: found, configured for loopback, started, ended.

It is the one that MEDIAMTX names, the one on PATH, or the one that lies packed in SLUICE_PEERS (`../shared/peers`). The
product itself never needs it.
"""

import lzma
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = """logLevel: warn
rtsp: no
rtmp: no
hls: no
srt: no
moq: no
webrtcAddress: 127.0.0.1:{http}
webrtcLocalUDPAddress: 127.0.0.1:{udp}
webrtcIPsFromInterfaces: no
webrtcAdditionalHosts: [127.0.0.1]
paths:
  all_others:
"""


class Missing(Exception):  # noqa: N818 - whoever asked prints it as a sentence, or skips
    """It is not on this machine."""


@dataclass(frozen=True, slots=True)
class Running:
    """A MediaMTX process that answers HTTP."""

    pid: int
    url: str
    """Without a trailing slash; `{url}/NAME/whip` and `{url}/NAME/whep` are its endpoints."""
    log: Path


def peers_folder() -> Path:
    """Where servers to compare with are kept."""
    return Path(os.environ.get("SLUICE_PEERS", ROOT.parent / "shared" / "peers"))


def executable() -> Path:
    """The program; raises Missing with a sentence that says what to do."""
    named = os.environ.get("MEDIAMTX") or shutil.which("mediamtx")
    if named:
        if not os.access(named, os.X_OK):
            raise Missing(f"MEDIAMTX is {named}, which cannot be run; set it to the program.")
        return Path(named)
    packed = peers_folder() / "mediamtx.xz"
    if not packed.exists():
        raise Missing("MediaMTX is not here; set MEDIAMTX to its program, or put it on PATH.")
    unpacked = Path(tempfile.gettempdir()) / "sluice-peers" / f"mediamtx-{packed.stat().st_size}"
    if not unpacked.exists():
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        part = unpacked.with_suffix(f".{os.getpid()}")
        part.write_bytes(lzma.decompress(packed.read_bytes()))
        part.chmod(0o755)
        part.rename(unpacked)
    return unpacked


@contextmanager
def running(configuration: str = CONFIGURATION) -> Iterator[Running]:
    """One on free loopback ports for as long as the block lasts.

    *configuration* is its YAML, with `{http}` for a port that will answer HTTP and `{udp}` for one more.
    """
    program = executable()
    with tempfile.TemporaryDirectory(prefix="sluice-mediamtx") as folder:
        http, udp = free_port(), free_port()
        file = Path(folder) / "mediamtx.yml"
        file.write_text(configuration.format(http=http, udp=udp))
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([program, file], cwd=folder, stdout=out, stderr=out)
        url = f"http://127.0.0.1:{http}"
        try:
            until = time.monotonic() + 10
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > until:
                    raise Missing(f"MediaMTX does not start: {log.read_text(errors='replace')[-300:]}")
                time.sleep(0.05)
            yield Running(process.pid, url, log)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own loopback URL
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True
