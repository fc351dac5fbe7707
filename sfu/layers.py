"""The simulcast layers of a stream as its viewers may know them: which there are, and which come now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoding of the picture (RFC 8853): its name, its place, and whether it comes now."""

    id: str
    """Its rid, or its SSRC where the publisher names none."""
    index: int
    """Its place in the publisher's offer."""
    active: bool
    bitrate: int = field(compare=False, default=0)
    """In the last second; a change of it alone is no news."""


def layers_of(rids: Sequence[str], states: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """The layers from what was negotiated (*rids*) and what arrives (`IncomingSection.layer_states`), in the order of the offer.

    Empty where there is one picture only.
    """
    names = [*rids]
    rates: dict[str, int] = {}
    live: set[str] = set()
    for state in sorted(states, key=lambda state: int(state["ssrc"])):
        name = state["rid"] or str(state["ssrc"])
        if name not in names:
            names.append(name)
        rates[name] = rates.get(name, 0) + state["kbps"] * 1000
        if state["live"]:
            live.add(name)  # a picture that stands still may take less than a kilobit a second
    if len(names) < 2:
        return ()
    return tuple(Layer(name, index, name in live, rates.get(name, 0)) for index, name in enumerate(names))


def told(layers: Sequence[Layer], mid: str) -> dict[str, Any]:
    """The data of a `layers` event, for the section *mid* of a viewer."""
    return {
        mid: {
            "active": [
                {"id": layer.id, "simulcastIdx": layer.index, "bitrate": layer.bitrate}
                for layer in layers
                if layer.active
            ],
            "inactive": [{"id": layer.id, "simulcastIdx": layer.index} for layer in layers if not layer.active],
            "layers": [
                {"encodingId": layer.id, "simulcastIdx": layer.index, "bitrate": layer.bitrate}
                for layer in layers
                if layer.active
            ],
        }
    }
