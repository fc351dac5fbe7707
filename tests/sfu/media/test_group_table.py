"""Joiners and those who are there get right pictures, whatever an encoder's habits and the way up are: a table from a grammar.

Each stream is coded once, put into packets by one combination of habits, and arrives in one order; a decoder judges what a viewer
received who was there, one who joins in the middle of a group, and one who joins while a keyframe is still torn.
"""

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random

import pytest

from sfu.media.track import ForwardedTrack
from sfu.negotiation import Codec
from sfu.stats import PlaneStats
from sfu.transport.udp import UdpSocket
from tests.peers.clips.payloads import (
    av1_payloads,
    delimiter,
    is_set,
    is_slice,
    kind,
    nal_payloads,
    note,
    obus,
    pieces,
    split,
)
from tests.peers.clips.pictures import FPS, Recipe, encoded
from tests.sfu.media.onlooker import Onlooker, Seen, Sent, wire

LIMIT = 120
"""Bytes of a payload: keyframes of several packets, though the pictures are small."""
FRAMES = 50
TORN = 20
"""The key picture to which the orders happen; others are at 0 and 40."""
MIDDLE, EARLY = 30.5 / FPS, 21.4 / FPS
"""When the two join."""
LATE = 0.6
TICK = 0.05

Case = tuple[str, tuple[tuple[str, str], ...], str]
"""Codec, habits, order."""

NAL: Mapping[str, tuple[str, ...]] = {
    "sets": ("each key", "first", "every picture", "every second", "in the offer"),
    "packing": ("together", "alone", "early", "with the last", "with the slice"),
    "before": ("nothing", "delimiter and note"),
    "slices": ("one", "several"),
    "marker": ("last", "never"),
    "stream": ("same", "changed"),
}
GRAMMAR: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "H264": NAL,
    "H265": {name: values for name, values in NAL.items() if name != "slices"},
    "VP8": {"descriptor": ("bare", "id of 7 bits", "id of 15 bits", "all"), "marker": ("last", "never")},
    "VP9": {
        "descriptor": ("honest", "never P", "flexible", "layers", "structure", "no id"),
        "marker": ("last", "never"),
    },
    "AV1": {
        "new": ("honest", "each", "never"),
        "header": ("each key", "first", "each picture"),
        "packing": ("together", "alone"),
    },
}
ORDERS = (
    "in order",
    "neighbours swapped",
    "each picture backwards",
    "shuffled",
    "first packet late",
    "second packet late",
    "last packet late",
    "before the keyframe late",
    "first packet lost",
    "second packet lost",
    "last packet lost",
    "a packet of another picture lost",
)


def cases() -> Iterator[Case]:
    """Each value of each habit in each order, and each pair of values in order; the rest as encoders mostly do it."""
    for codec, habits in GRAMMAR.items():
        found: dict[tuple[tuple[tuple[str, str], ...], str], None] = {}
        for name, values in habits.items():
            for value, order in itertools.product(values, ORDERS):
                found[((name, value),), order] = None
        for (one, ones), (two, twos) in itertools.combinations(habits.items(), 2):
            for a, b in itertools.product(ones[1:], twos[1:]):
                found[((one, a), (two, b)), "in order"] = None
        usual = {name: values[0] for name, values in habits.items()}
        seen = set()
        for chosen, order in found:
            whole = tuple({**usual, **dict(chosen)}.items())
            if {("sets", "in the offer"), ("stream", "changed")} <= set(whole):
                continue  # an offer can say one set only
            if ("marker", "never") in whole and order.endswith("lost"):
                continue  # nobody can say whether the picture before the loss was whole
            if (whole, order) not in seen:
                seen.add((whole, order))
                yield codec, whole, order


def _name(case: Case) -> str:
    codec, habits, order = case
    special = [f"{name} {value}" for name, value in habits if value != GRAMMAR[codec][name][0]]
    return ", ".join([codec, *special, order])


# -- the publisher -----------------------------------------------------------------------------------------------------


@cache
def coded(codec: str, slices: str, stream: str) -> tuple[tuple[bytes, ...], frozenset[int]]:
    """The coded pictures, and which are keys."""
    options = {"one": (), "several": _SLICES.get(codec, ())}[slices]
    units, keys = encoded(Recipe(codec, options, FRAMES))
    if stream == "changed":
        others, their_keys = encoded(Recipe(codec, options, FRAMES - TORN, width=128, first=TORN))
        units = (*units[:TORN], *others)
        keys = (*(key for key in keys if key < TORN), *(key + TORN for key in their_keys))
    return units, frozenset(keys)


_SLICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "H264": (("x264-params", "keyint=20:min-keyint=20:scenecut=0:bframes=0:slices=3"),),
}


@cache
def stream(codec: str, habits: tuple[tuple[str, str], ...]) -> tuple[tuple[Sent, ...], Codec]:
    """What the publisher sends, in order, and what it offered."""
    wanted = dict(habits)
    units, keys = coded(codec, wanted.get("slices", "one"), wanted.get("stream", "same"))
    parameters: dict[str, str] = {"packetization-mode": "1"} if codec == "H264" else {}
    sent: list[Sent] = []
    for number, unit in enumerate(units):
        timestamp = 1_000_000 + number * 90_000 // FPS
        key = number in keys
        ahead: list[tuple[int, bool, bytes]] = []
        if codec in ("H264", "H265"):
            if number == 0 and wanted["sets"] == "in the offer":
                parameters |= _offered(codec, [one for one in split(codec, unit) if is_set(codec, one)])
            ahead, payloads = _nal(codec, number, units, keys, wanted, timestamp)
        elif codec == "AV1":
            payloads = _av1(number, unit, wanted, obus(units[0])[0], key=key)
        else:
            payloads = [
                _descriptor(codec, wanted["descriptor"], number, first=n == 0, key=key) + piece
                for n, piece in enumerate(pieces(unit, LIMIT))
            ]
            if codec == "VP9":
                payloads[-1] = bytes((payloads[-1][0] | 0x04,)) + payloads[-1][1:]
        sent += [Sent(number, of, marker, payload, key, opening=True) for of, marker, payload in ahead]
        last = len(payloads) - 1
        sent += [
            Sent(number, timestamp, n == last and wanted.get("marker") != "never", payload, key, _opens(codec, payload))
            for n, payload in enumerate(payloads)
        ]
    return tuple(sent), Codec(codec, 90000, 1, parameters)


def _opens(codec: str, payload: bytes) -> bool:
    if codec not in ("H264", "H265"):
        return False
    opening, packets = ((6, 7, 8, 9), (24,)) if codec == "H264" else ((32, 33, 34, 35, 39), (48,))
    of = kind(codec, payload)
    inner = kind(codec, payload[3 if codec == "H264" else 4 :]) if of in packets else of
    return inner in opening and not (of in packets and _has_slice(codec, payload))


def _has_slice(codec: str, payload: bytes) -> bool:
    at, found = (1 if codec == "H264" else 2), False
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        found = found or is_slice(codec, payload[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def _offered(codec: str, sets: Sequence[bytes]) -> dict[str, str]:
    texts = [base64.b64encode(unit).decode() for unit in sets]
    if codec == "H264":
        return {"sprop-parameter-sets": ",".join(texts)}
    return dict(zip(("sprop-vps", "sprop-sps", "sprop-pps"), texts, strict=True))


def _nal(
    codec: str,
    number: int,
    units: Sequence[bytes],
    keys: frozenset[int],
    wanted: Mapping[str, str],
    timestamp: int,
) -> tuple[list[tuple[int, bool, bytes]], list[bytes]]:
    """What comes with a timestamp of its own, and the payloads of the picture."""
    of = max(key for key in keys if key <= number)
    begins = number == 0 or (wanted["stream"] == "changed" and number == TORN)
    says = {
        "each key": number == of,
        "first": begins,
        "every picture": True,
        "every second": number % FPS == 0 or number == of,
        "in the offer": False,
    }[wanted["sets"]]
    sets = [unit for unit in split(codec, units[of]) if is_set(codec, unit)] if says else []
    slices = [unit for unit in split(codec, units[number]) if is_slice(codec, unit)]
    before = [[delimiter(codec)], [note(codec)]] if wanted["before"] != "nothing" else []
    packing = wanted["packing"] if sets else "alone"
    if packing in ("early", "with the last"):
        back = 1500 if packing == "early" else 90_000 // FPS
        ahead = [(timestamp - back, wanted["marker"] != "never", unit) for unit in sets]
        return ahead, nal_payloads(codec, [*before, *([one] for one in slices)], LIMIT)
    rows: list[list[bytes]]
    if packing == "with the slice" and sum(map(len, [*sets, slices[0]])) < LIMIT:
        rows = [[*sets, slices[0]], *([one] for one in slices[1:])]
    elif packing == "alone":
        rows = [[one] for one in [*sets, *slices]]
    else:
        rows = [sets, *([one] for one in slices)]
    return [], nal_payloads(codec, [*before, *rows], LIMIT)


def _av1(number: int, unit: bytes, wanted: Mapping[str, str], header: bytes, *, key: bool) -> list[bytes]:
    found = [obu for obu in obus(unit) if obu[0] >> 3 != 1]
    says = {"each key": key, "first": number == 0, "each picture": True}[wanted["header"]]
    new = {"honest": key, "each": True, "never": False}[wanted["new"]]
    if says and wanted["packing"] == "alone":
        return [*av1_payloads([header], LIMIT, new=new), *av1_payloads(found, LIMIT, new=False)]
    return av1_payloads([header] * says + found, LIMIT, new=new)


def _descriptor(codec: str, habit: str, number: int, *, first: bool, key: bool) -> bytes:
    small, long = number & 0x7F, (0x8000 | number + 300).to_bytes(2, "big")
    if codec == "VP8":
        start = 0x10 * first
        return {
            "bare": bytes((start,)),
            "id of 7 bits": bytes((0x80 | start, 0x80, small)),
            "id of 15 bits": bytes((0x80 | start, 0x80)) + long,
            "all": bytes((0x80 | start, 0xF0)) + long + bytes((number & 0xFF, 0x20)),
        }[habit]
    flags = 0x08 * first | 0x40 * (not key)
    return {
        "honest": bytes((0x80 | flags,)) + long,
        "never P": bytes((0x80 | flags & 0x08,)) + long,
        "flexible": bytes((0x90 | flags,)) + long + (b"" if key else b"\x02"),
        "layers": bytes((0xA0 | flags,)) + long + bytes((0x10, number & 0xFF)),
        "structure": bytes((0x82 | flags,)) + long + b"\x18\x00\x60\x00\x40\x01\x04\x01"
        if key and first
        else bytes((0x80 | flags,)) + long,
        "no id": bytes((flags,)),
    }[habit]


# -- the way up --------------------------------------------------------------------------------------------------------


def arrivals(sent: Sequence[Sent], order: str) -> list[tuple[float, int]]:
    """Which packet arrives, and when."""
    random = Random(5)  # noqa: S311 - chance that can be repeated is wanted
    of_key = [n for n, packet in enumerate(sent) if packet.frame == TORN]
    first = next((n for n in of_key if n + 1 < len(sent) and sent[n].key), of_key[0])
    chosen = {"first": first, "second": first + 1, "last": of_key[-1], "before": of_key[0] - 1, "a": of_key[-1] + 8}
    found = []
    for frame, packets in itertools.groupby(range(len(sent)), key=lambda n: sent[n].frame):
        numbers = list(packets)
        if order == "each picture backwards":
            numbers.reverse()
        elif order == "shuffled":
            random.shuffle(numbers)
        found += [(frame / FPS + at * 0.001, n) for at, n in enumerate(numbers)]
    if order == "neighbours swapped":
        times = [at for at, _ in found]
        numbers = [n for _, n in found]
        for at in range(0, len(numbers) - 1, 2):
            numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
        found = list(zip(times, numbers, strict=True))
    if order.endswith("late"):
        which = chosen[order.split(maxsplit=1)[0]]
        found = [(at + LATE * (n == which), n) for at, n in found]
    elif order.endswith("lost"):
        which = chosen[order.split(maxsplit=1)[0]]
        found = [(at, n) for at, n in found if n != which]
    return sorted(found)


# -- the run -----------------------------------------------------------------------------------------------------------


def run(case: Case, udp: UdpSocket) -> tuple[Seen, dict[float, Seen]]:
    """One stream in time of its own: what the one who was there saw, and those who joined, by when they did."""
    codec, habits, order = case
    sent, offered = stream(codec, habits)
    track = ForwardedTrack("video", offered, udp, PlaneStats(), first_index=1000, first_timestamp=0xFFFF0000)
    coming = arrivals(sent, order)
    first = coming[0][1]
    # The one who is there sits behind the other cipher: both ways of sending are held.
    onlookers = [Onlooker(track, 0.0, profile=2, fanout=udp.fanout)]
    # Where nothing is torn, nobody joins while it is.
    joins = [EARLY, MIDDLE] if order.endswith(("late", "lost")) else [MIDDLE]
    coming.reverse()
    for step in range(int((FRAMES / FPS + 1) / TICK)):
        now = step * TICK
        while joins and joins[0] <= now:
            onlookers.append(Onlooker(track, joins.pop(0), fanout=udp.fanout))
        _arrive(track, sent, coming, now)
        if track.joining:
            track.step(now, TICK)
        if step % 20 == 0:
            track.tick(now)
        for onlooker in onlookers:
            if onlooker.outgoing.began is not None:
                onlooker.drain(now)
            if step % 4 == 0:
                _ask_again(track, onlooker, udp)
    seen = [onlooker.judge(codec, sent, 1000 - first) for onlooker in onlookers]
    assert not any(onlooker.refused for onlooker in onlookers)
    for onlooker in onlookers:
        onlooker.close()
    return seen[0], dict(zip([EARLY, MIDDLE][-len(seen) + 1 :], seen[1:], strict=True))


def _arrive(track: ForwardedTrack, sent: Sequence[Sent], coming: list[tuple[float, int]], until: float) -> None:
    """What arrives until then; *coming* has the next one last."""
    while coming and coming[-1][0] <= until:
        at, number = coming.pop()
        packet = sent[number]
        track.push(65_500 + number, packet.timestamp, 0x80 * packet.marker, packet.payload, (), at)
        if track.ready(at):
            track.flush(at)
    track.flush(until)


def _ask_again(track: ForwardedTrack, onlooker: Onlooker, udp: UdpSocket) -> None:
    outgoing = onlooker.outgoing
    for number in onlooker.missing():
        packet = track.viewers.find(outgoing, number)
        if packet is not None and outgoing.rtp_stream is not None:
            outgoing.rtp_stream.send_alone(
                outgoing.destination, [packet], [outgoing.timestamp(packet)], udp, PlaneStats()
            )


@pytest.fixture(scope="module")
def udp() -> Iterator[UdpSocket]:
    """One socket for all cases."""
    with wire() as one:
        yield one


def lost_pictures(sent: Sequence[Sent], order: str) -> set[int]:
    """What nobody can see: from the picture that is torn for good to the next key."""
    missing = {number for _, number in arrivals(sent, order)} ^ set(range(len(sent)))
    keys = {packet.frame for packet in sent if packet.key}
    lost: set[int] = set()
    for number in missing:
        frame = sent[number].frame
        lost |= set(range(frame, min((key for key in keys if key > frame), default=FRAMES)))
    return lost


@pytest.mark.parametrize("case", list(cases()), ids=_name)
def test_whatever_the_encoder_s_habits_viewers_get_right_pictures(case: Case, udp: UdpSocket) -> None:
    """Within a second of joining where a usable keyframe is in the last group, and never a wrong one."""
    codec, habits, order = case
    sent, _ = stream(codec, habits)
    present, joined = run(case, udp)
    lost = lost_pictures(sent, order)
    keys = sorted({packet.frame for packet in sent if packet.key} - lost)

    for one in (present, *joined.values()):
        assert one.failures == 0
        assert one.shown == one.frames
    assert present.frames == [frame for frame in range(FRAMES) if frame not in lost]
    for at, one in joined.items():
        assert one.first_at is not None
        assert one.first_at - at < 1.0
        begins = one.frames[0]
        # Who begins at a key picture of which only its parameter sets were lost has them from elsewhere.
        spared = set() if begins in keys else {begins} & {TORN}
        assert begins in keys or spared
        missing = lost if not spared else lost - set(range(TORN, 2 * TORN))
        assert one.frames == [frame for frame in range(begins, FRAMES) if frame not in missing]
