"""Checks that a stack can bind its ports, each at its address, and says of one that it cannot have who has it.

The API is bound on loopback beside the address of the stack, what only the stack uses on loopback alone: a port that
was looked for on the stack's address only is found taken by whatever part comes to it last, in that part's own words.
"""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from local import ports
from local.settings import LOOPBACK, StackSettings
from sfu.environment import SettingsError


class TakenError(Exception):
    """A port or the state directory of a stack belongs to another process; the text says whose and what to do."""


@dataclass(frozen=True, slots=True)
class NeededPort:
    """A port that the stack binds at one address, and what it binds it for."""

    purpose: str
    address: str
    port: int
    kind: socket.SocketKind


def needed(settings: StackSettings) -> Iterator[NeededPort]:
    """Every port that the stack of *settings* binds, once for each address."""
    plan = settings.plan
    for purpose, port, kind in plan.all():
        where = settings.addresses if port == plan.api else [LOOPBACK if port in plan.private else settings.host]
        for address in where:
            yield NeededPort(purpose, address, port, kind)


def check(settings: StackSettings) -> None:
    """Raise `TakenError` or `SettingsError` where the stack of *settings* could not bind a port that it needs."""
    for port in needed(settings):
        try:
            free = ports.is_free(port.address, port.port, port.kind)
        except OSError as error:
            raise _unusable(settings, error) from None
        if not free:
            raise _taken(settings, port)


def refusal(settings: StackSettings, address: str, error: OSError) -> TakenError | SettingsError:
    """The exception for the API's *error* at *address*, where the port was free when it was checked."""
    if error.errno != errno.EADDRINUSE:
        return _unusable(settings, error)
    return next(
        _taken(settings, one) for one in needed(settings) if (one.address, one.port) == (address, settings.port)
    )


def _unusable(settings: StackSettings, error: OSError) -> SettingsError:
    # asyncio puts a text of its own where the system's was.
    return SettingsError(f"HOST={settings.host} cannot be used: {os.strerror(error.errno or 0)}.")


def _taken(settings: StackSettings, port: NeededPort) -> TakenError:
    name = "UDP port" if port.kind == socket.SOCK_DGRAM else "Port"
    where = "" if port.address == settings.host else f" on {port.address}"
    who = ports.owner(port.address, port.port, port.kind) or "a process that cannot be seen from here"
    return TakenError(
        f"{name} {port.port} (for {port.purpose}) is taken{where} by {who}."
        f" Stop that, or use other ports: {settings.elsewhere}"
    )
