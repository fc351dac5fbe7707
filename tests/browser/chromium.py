"""How tests start Chromium: headless, with a fake camera and microphone, loopback candidates, and nothing phoned home."""

import os
import shutil
from pathlib import Path

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)


def executable() -> str | None:
    """Chromium as `make test` found or installed it, or as it lies on PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return str(Path(found)) if found else None
