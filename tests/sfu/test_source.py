"""Which of several layers is forwarded: the one that carries most, from its next keyframe on; another at once when it dies."""

from sfu.negotiation import Codec, Media
from sfu.reception import Reception
from sfu.source import SWITCH_AFTER, Source
from sfu.stats import PlaneStats
from sfu.track import Track
from sfu.udp import UdpSocket  # noqa: TC001 - annotations are one rule for all imports

KEYFRAME, OTHER = b"\x65" + bytes(20), b"\x61" + bytes(20)


def section() -> Source:
    """A section of H264."""
    codec = Codec("H264", 90000)
    udp: UdpSocket = object()  # type: ignore[assignment]  # nothing is sent here
    return Source(
        Media("0", "video", codec, 96), Track("video", codec, udp, PlaneStats(), first_index=0, first_timestamp=0)
    )


def arrive(layer: Reception, size: int) -> None:
    """*size* bytes in a second."""
    layer.bytes += size
    layer.received += 1


def test_a_better_layer_takes_over_at_its_keyframe_and_not_before() -> None:
    """Better by a fifth, so that two alike do not take turns."""
    source, low, high = section(), Reception(1, 90000), Reception(2, 90000)
    assert source.takes(low, OTHER, 0.0)
    for _ in range(3):
        arrive(low, 100_000)
        arrive(high, 110_000)
        source.weigh([low, high])
    assert not any(one["next"] for one in source.layer_states([low, high]))
    arrive(low, 100_000)
    arrive(high, 400_000)
    source.weigh([low, high])
    assert source.layer_states([high])[0]["next"]
    assert not source.takes(high, OTHER, 0.1)
    assert source.takes(high, KEYFRAME, 0.2)
    assert source.active is high
    found = source.layer_states([low, high])
    assert not any(one["next"] for one in found)
    assert not source.takes(low, KEYFRAME, 0.3)


def test_when_the_layer_dies_the_other_is_taken_at_once() -> None:
    """Without a keyframe: one is asked for; a frozen picture is worse."""
    source, low, high = section(), Reception(1, 90000), Reception(2, 90000)
    assert source.takes(high, KEYFRAME, 0.0)
    source.track.keyframes.arrived(0.0)
    assert not source.takes(low, OTHER, SWITCH_AFTER - 0.01)
    assert source.takes(low, OTHER, SWITCH_AFTER + 0.01)
    assert source.active is low
    assert source.track.keyframes.pending


def test_the_state_shows_layers_best_first() -> None:
    """With their names, rates, and which one viewers get."""
    source, low, high = section(), Reception(1, 90000), Reception(2, 90000)
    source.rids = {1: "l", 2: "h"}
    source.takes(low, OTHER, 0.0)
    for _ in range(2):
        arrive(low, 12_500)
        arrive(high, 125_000)
        source.weigh([low, high])
    states = source.layer_states([low, high])
    assert [(one["rid"], one["kbps"], one["forwarded"], one["next"]) for one in states] == [
        ("h", 1000, False, True),
        ("l", 100, True, False),
    ]
