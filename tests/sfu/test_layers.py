"""Viewers are told of the layers of a simulcast, in the shape of WHEP's events extension."""

from sfu.layers import Layer, layers_of, told


def state(ssrc: int, kbps: int, rid: str | None = None) -> dict[str, object]:
    """What arrives of a layer."""
    return {"ssrc": ssrc, "kbps": kbps, "rid": rid, "live": kbps > 0}


def test_a_layer_that_sends_next_to_nothing_is_active() -> None:
    """A picture that stands still takes less than a kilobit a second."""
    assert [layer.active for layer in layers_of(("a", "b"), [state(1, 0, "a") | {"live": True}])] == [True, False]


def test_layers_are_those_that_were_negotiated_in_their_order() -> None:
    """One that sends nothing is there and inactive."""
    layers = layers_of(("hi", "mid", "lo"), [state(3, 300, "lo"), state(1, 2500, "hi")])

    assert layers == (Layer("hi", 0, active=True), Layer("mid", 1, active=False), Layer("lo", 2, active=True))
    assert [layer.bitrate for layer in layers] == [2_500_000, 0, 300_000]


def test_unnamed_layers_are_called_by_their_ssrcs() -> None:
    """A publisher that offers three SSRCs and no rids."""
    assert [layer.id for layer in layers_of((), [state(7, 100), state(5, 0)])] == ["5", "7"]


def test_one_picture_has_no_layers() -> None:
    """Nothing to choose from, nothing to tell."""
    assert layers_of((), [state(1, 2500)]) == ()
    assert layers_of((), []) == ()


def test_a_bitrate_alone_is_no_news() -> None:
    """Or the event would come twice a second."""
    assert layers_of(("a", "b"), [state(1, 1, "a")]) == layers_of(("a", "b"), [state(1, 2, "a")])
    assert layers_of(("a", "b"), [state(1, 1, "a")]) != layers_of(("a", "b"), [state(1, 0, "a")])


def test_the_event_is_by_section() -> None:
    """`active`, `inactive` and `layers`, keyed by the viewer's mid."""
    assert told((Layer("hi", 0, active=True, bitrate=2_500_000), Layer("lo", 1, active=False)), "1") == {
        "1": {
            "active": [{"id": "hi", "simulcastIdx": 0, "bitrate": 2_500_000}],
            "inactive": [{"id": "lo", "simulcastIdx": 1}],
            "layers": [{"encodingId": "hi", "simulcastIdx": 0, "bitrate": 2_500_000}],
        }
    }
