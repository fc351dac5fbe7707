"""What `make up` is told: PORT, HOST, SECONDS, and where the stack of that port keeps its files.

The stack on the usual port keeps them in `.local/`, one on another port in `.local/PORT/`; so two run side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local import ports
from local.process.processes import ROOT

LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"  # noqa: S104  # what a user may ask for, in so many words
_ELSEWHERE = 10_000  # how far away the other ports are that are proposed


class SettingsError(ValueError):
    """A variable of `make up` cannot be used; the text says which and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One stack, before it runs."""

    port: int
    host: str  # the address in every printed URL
    seconds: float | None  # None: until stopped
    state: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings that *environ* asks for. Raises `SettingsError`."""
        port = _number("PORT", environ.get("PORT") or str(ports.USUAL))
        if not 1024 <= port <= 65527:
            raise SettingsError(f"PORT is {port}; use one from 1024 to 65527 (it and the seven above it are taken).")
        asked = environ.get("HOST") or LOOPBACK
        host = ports.lan_address() if asked in {"lan", _ANY} else LOOPBACK if asked == "localhost" else asked
        if not ports.is_address(host):
            raise SettingsError(f"HOST is {asked!r}; use an IPv4 address of this machine, or `lan` to have it found.")
        seconds = environ.get("SECONDS")
        return cls(port, host, float(_number("SECONDS", seconds)) if seconds else None, state_directory(port))

    @property
    def stack_file(self) -> Path:
        """What programs read while the stack is up."""
        return self.state / "stack.json"

    @property
    def plan(self) -> ports.Plan:
        """The ports that belong to the stack."""
        return ports.plan(self.port)

    @property
    def api_url(self) -> str:
        """Where clients find the API and the page."""
        return f"http://{self.host}:{self.port}"

    @property
    def addresses(self) -> list[str]:
        """Where the API listens: always on loopback too, because the nodes call it there."""
        return sorted({LOOPBACK, self.host})

    @property
    def elsewhere(self) -> str:
        """The command for the same stack on other ports."""
        host = "" if self.host == LOOPBACK else f" HOST={self.host}"
        return f"make up PORT={self.port + (_ELSEWHERE if self.port < 50_000 else -_ELSEWHERE)}{host}"


def state_directory(port: int) -> Path:
    """Where the stack on *port* keeps its files."""
    base = ROOT / ".local"
    return base if port == ports.USUAL else base / str(port)


def _number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"{name} is {text!r}; use a whole number.")
    return int(text)
