"""What `make up` is told: PORT, HOST, SECONDS, and where the stack of that port keeps its files.

The stack on the usual port keeps them in `.local/`, one on another port in `.local/PORT/`; so two run side by side.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PlainValidator, model_validator

from local import ports
from local.process.processes import ROOT
from sfu.environment import Advice, EnvironmentSettings

LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"  # noqa: S104  # what a user may ask for, in so many words
_ELSEWHERE = 10_000  # how far away the other ports are that are proposed


def state_directory(port: int) -> Path:
    """Where the stack on *port* keeps its files."""
    base = ROOT / ".local"
    return base if port == ports.USUAL else base / str(port)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _host(asked: str) -> str:
    host = ports.lan_address() if asked in {"lan", _ANY} else LOOPBACK if asked == "localhost" else asked
    if not ports.is_address(host):
        raise ValueError
    return host


class StackSettings(EnvironmentSettings):
    """The settings of one stack, before it runs."""

    port: Annotated[int, PlainValidator(_number), Advice("use a whole number")] = Field(
        ports.USUAL, validation_alias="PORT"
    )
    host: Annotated[
        str, PlainValidator(_host), Advice("use an IPv4 address of this machine, or `lan` to have it found")
    ] = Field(LOOPBACK, validation_alias="HOST")
    """The address in every printed URL."""
    seconds: Annotated[float | None, PlainValidator(_number), Advice("use a whole number")] = Field(
        None, validation_alias="SECONDS"
    )
    """How long the stack runs; None: until it is stopped."""
    state: Path = Field(default_factory=lambda read: state_directory(read.get("port", ports.USUAL)))
    """Where the stack keeps its files; no variable says it."""

    @model_validator(mode="after")
    def _has_room_for_its_ports(self) -> Self:
        if not 1024 <= self.port <= 65527:
            raise ValueError(f"PORT is {self.port}; use one from 1024 to 65527 (it and the seven above it are taken).")
        return self

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
