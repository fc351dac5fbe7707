"""Events between two states of a stream."""

import pytest

from sfu.layers import Layer
from sfu.signalling.server_events import KNOWN, StreamStatus, events_between, read_names, render_event


def told(before: StreamStatus | None, now: StreamStatus, *wanted: str) -> list[tuple[str, object]]:
    """The events, as a list."""
    return [(name, dict(data)) for name, data in events_between(before, now, wanted or KNOWN)]


def test_a_new_reader_is_told_the_state() -> None:
    """So that it need not ask for it elsewhere."""
    assert told(None, StreamStatus()) == [("inactive", {}), ("viewercount", {"viewercount": 0})]
    assert told(None, StreamStatus(active=True, viewers=3)) == [("active", {}), ("viewercount", {"viewercount": 3})]


def test_only_changes_are_told_and_only_those_that_are_wanted() -> None:
    """Each change is one event."""
    before, now = (
        StreamStatus(active=True, viewers=3),
        StreamStatus(
            viewers=4,
            layers=(Layer("h", 0, active=True, bitrate=2_000_000), Layer("l", 1, active=False)),
            reconnect="https://api.example/s/whep",
        ),
    )

    assert told(before, before) == []
    assert told(before, now) == [
        ("inactive", {}),
        ("viewercount", {"viewercount": 4}),
        (
            "layers",
            {
                "0": {
                    "active": [{"id": "h", "simulcastIdx": 0, "bitrate": 2_000_000}],
                    "inactive": [{"id": "l", "simulcastIdx": 1}],
                    "layers": [{"encodingId": "h", "simulcastIdx": 0, "bitrate": 2_000_000}],
                }
            },
        ),
        ("reconnect", {"url": "https://api.example/s/whep"}),
    ]
    assert told(before, now, "reconnect") == [("reconnect", {"url": "https://api.example/s/whep"})]
    assert told(now, now) == []


def test_an_event_on_the_wire() -> None:
    """One line of data, and an empty line."""
    assert render_event("viewercount", {"viewercount": 3}) == b'event: viewercount\ndata: {"viewercount":3}\n\n'


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'["active", "inactive"]', {"active", "inactive"}),
        (b'["active", "active"]', {"active"}),
        (b"[]", None),
        (b'["nonsense"]', None),
        (b'{"active": 1}', None),
        (b"[1]", None),
        (b"active", None),
        (b"\xff", None),
        (b"[" * 60_000, None),
    ],
)
def test_1b_12_an_unknown_event_is_no_subscription(body: bytes, names: set[str] | None) -> None:
    """The extension wants a 400."""
    assert read_names(body) == names
