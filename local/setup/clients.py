"""The clients that `make test-clients` needs and that are not Python's: Debian packages, and two that are built once.

Firefox, GStreamer's base and curl are Debian's. GStreamer's WHIP and WHEP elements and libdatachannel are not in Debian
12: they are built from their crates under .local/clients where there is a Rust new enough for them; their tests say so
and are skipped where there is not.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from local.setup.environments import ROOT, SetupError

PROGRAMS = {"firefox-esr": ("firefox-esr", "firefox"), "curl": ("curl",), "cmake": ("cmake",), "g++": ("g++",)}
GSTREAMER = (
    *("gstreamer1.0-tools", "gstreamer1.0-nice"),
    *(
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
        "gstreamer1.0-plugins-ugly",
    ),
    *("libgstreamer1.0-dev", "libgstreamer-plugins-base1.0-dev", "libgstreamer-plugins-bad1.0-dev", "libssl-dev"),
)
RUST = (1, 92)
NATIVE = ROOT / "tests" / "clients" / "native"
BUILT = ROOT / ".local" / "clients"
_INSTALL = "apt-get install --yes --no-install-recommends"


def ensure(say: Callable[[str], None]) -> dict[str, str]:
    """Install and build the clients; the environment variables that tell the tests where they are.

    Raises `SetupError` with the command that the user has to run.
    """
    missing = [package for package, names in PROGRAMS.items() if not any(map(shutil.which, names))]
    missing += [package for package in GSTREAMER if not _installed(package)]
    if missing:
        _install(missing, say)
    if _rust() < RUST:
        version = ".".join(map(str, RUST))
        say(
            f"GStreamer's WHIP elements and libdatachannel are left out: Debian 12 has neither, and building them needs"
            f" Rust {version} or newer (https://rustup.rs)."
        )
        return {}
    return {"GST_WHIP": str(_gstreamer(say)), "LIBDATACHANNEL": str(_libdatachannel(say))}


def _install(packages: list[str], say: Callable[[str], None]) -> None:
    command = f"{_INSTALL} {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(f"The client tests need packages that are not here. On Debian and Ubuntu: sudo {command}")
    say(f"Installing {', '.join(packages)} for the client tests ...")
    for each in ("apt-get update --quiet --quiet", command):
        _run(each.split(), {"DEBIAN_FRONTEND": "noninteractive"})


def _installed(package: str) -> bool:
    return not shutil.which("dpkg") or b"ok installed" in _output(["dpkg-query", "--show", "-f=${Status}", package])


def _rust() -> tuple[int, ...]:
    found = re.match(rb"cargo (\d+)\.(\d+)", _output(["cargo", "--version"]) if shutil.which("cargo") else b"")
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _gstreamer(say: Callable[[str], None]) -> Path:
    program = BUILT / "gstreamer" / "release" / "gst-whip"
    if not program.exists():
        say("Building GStreamer's WHIP and WHEP elements (once; some minutes) ...")
    _run(["cargo", "build", "--quiet", "--release"], {"CARGO_TARGET_DIR": str(BUILT / "gstreamer")}, NATIVE)
    return program


def _libdatachannel(say: Callable[[str], None]) -> Path:
    folder = BUILT / "libdatachannel"
    library = folder / "libdatachannel.so"
    if not library.exists():
        say("Building libdatachannel (once; some minutes) ...")
        told = _output(["cargo", "metadata", "--format-version", "1", "--all-features"], NATIVE)
        (crate,) = (each for each in json.loads(told)["packages"] if each["name"] == "datachannel-sys")
        source = Path(crate["manifest_path"]).parent / "libdatachannel"
        options = ["-DNO_WEBSOCKET=ON", "-DNO_EXAMPLES=ON", "-DNO_TESTS=ON", "-DCMAKE_BUILD_TYPE=Release"]
        _run(["cmake", "-S", str(source), "-B", str(folder), *options])
        _run(["cmake", "--build", str(folder), "--target", "datachannel"])
    return library


def _run(command: list[str], environ: dict[str, str] | None = None, folder: Path = ROOT) -> None:
    done = subprocess.run(  # noqa: S603  # constant commands
        command, env=os.environ | (environ or {}), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SetupError(f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout).strip()[-800:]}")


def _output(command: list[str], folder: Path = ROOT) -> bytes:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout  # noqa: S603  # constant commands
