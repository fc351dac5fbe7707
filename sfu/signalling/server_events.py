"""What a viewer's event stream tells: changes of a stream's state, as server-sent events (WHEP's events extension).

Pure: a state before and a state now, and the events between them. `layers` is told once there is more than one, and when one
begins or stops; its data has the shape of the extension's draft (by section: active, inactive, layers).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sfu.layers import Layer, told

EXTENSION = "urn:ietf:params:whep:ext:core:server-sent-events"
KNOWN = ("active", "inactive", "viewercount", "reconnect", "layers")
SILENT_MS = 1000
"""A publisher that sends nothing for so long is inactive to its viewers."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A stream as its viewers may know it."""

    active: bool = False
    viewers: int = 0
    layers: tuple[Layer, ...] = field(default=())
    """Of simulcast; empty where there is one picture only."""
    reconnect: str = ""
    """Where to go on watching, once this node is being stopped."""


def events_between(
    before: StreamStatus | None, now: StreamStatus, wanted: Iterable[str], mid: str = "0"
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The events that lead from *before* (None: nothing was told yet) to *now*, as far as they are *wanted*.

    *mid* is the viewer's section of the picture, which `layers` speaks of.
    """
    for name, data in _all(before, now, mid):
        if name in wanted:
            yield name, data


def _all(before: StreamStatus | None, now: StreamStatus, mid: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if before is None or before.active != now.active:
        yield ("active" if now.active else "inactive"), {}
    if before is None or before.viewers != now.viewers:
        yield "viewercount", {"viewercount": now.viewers}
    if now.layers and (before is None or before.layers != now.layers):
        yield "layers", told(now.layers, mid)
    if now.reconnect and (before is None or before.reconnect != now.reconnect):
        yield "reconnect", {"url": now.reconnect}


def render_event(name: str, data: Mapping[str, Any]) -> bytes:
    """One event on the wire (HTML standard, section 9.2)."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def read_names(body: bytes) -> frozenset[str] | None:
    """The event names of a subscription's JSON array; None when it is something else or names an unknown event."""
    try:
        names = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names) if set(names) <= set(KNOWN) else None
