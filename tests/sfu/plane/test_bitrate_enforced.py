"""The bitrate limit against real publishers, on a clock that runs five times as fast: whoever exceeds it ends, alone."""

import asyncio
import struct
import time

from sfu.media.feedback.bitrate import BURST_SECONDS, DROP_ABOVE
from sfu.media.history import MAX_BYTES
from sfu.plane.publisher import Publisher
from tests.sfu.media_harness import STREAM, TestPublisher, stage
from tests.sfu.plane.test_plane import until

FASTER = 5
"""The plane's clock against the publishers': 800 kbit/s of theirs are 160 kbit/s of its own."""
OTHER = "ponmlkjihgfedcba"


def fast_clock() -> float:
    """The plane's clock, which runs faster than the machine's."""
    return time.monotonic() * FASTER


def session_of(publisher: TestPublisher) -> Publisher:
    """The plane's side of it."""
    session = publisher.ways.session
    assert isinstance(session, Publisher)
    return session


async def test_twice_the_limit_is_warned_and_ended_and_just_below_it_lives_on() -> None:
    """Two publishers of the same clip; one's grant allows half of it, the other passes its own by less than the tolerance."""
    async with stage(clock=fast_clock) as run:
        over = await run.publisher(kbps=85, media={"remb": True})
        within = await run.publisher(kbps=190, stream=OTHER, media={"remb": True})
        viewer = await run.viewer(stream=OTHER)
        await asyncio.wait_for(viewer.picture, 5)
        await until(lambda: session_of(over).limit.warned)
        told = over.rembs
        await until(lambda: over.rembs > told, 1)
        assert session_of(over).limit.bitrate == 68_000
        await until(lambda: bool(run.ended))
        (ended,) = run.ended
        assert (ended.stream, ended.action, ended.reason) == (STREAM, "publish", "BITRATE_EXCEEDED")
        connecting = (session_of(over).first_packet_at or 0) - session_of(over).began
        assert 10 < ended.seconds - connecting < 16
        await until(lambda: session_of(within).limit.mean > 180_000)
        await asyncio.sleep(0.5)
        assert len(run.ended) == 1
        assert viewer.counts().missing == 0
        state = session_of(within).state(fast_clock())["bitrate"]
        assert (state["limit_kbps"], state["over_limit"]) == (190, False)


async def test_a_flood_of_a_hundred_megabit_is_dropped_early_and_ended_and_harms_nobody() -> None:
    """Authentic packets as fast as they can be made: the gate lets a burst pass, and the others' packets all arrive."""
    kbps = 200
    async with stage(clock=fast_clock) as run:
        flooding = await run.publisher(kinds=("video",), kbps=kbps)
        await run.publisher(stream=OTHER)
        viewer = await run.viewer(stream=OTHER)
        await asyncio.wait_for(viewer.picture, 5)
        flooding.pause()
        sender, session = flooding._sender, session_of(flooding)
        assert sender is not None
        ssrc = flooding.ssrc["video"]
        index, began, sent = flooding.tracks[0].index, fast_clock(), 0
        while not run.ended and fast_clock() - began < 30:
            for _ in range(25):
                header = struct.pack("!BBHII", 0x80, 96, index & 0xFFFF, 0, ssrc)
                flooding._send(sender.rtp(header, bytes(1200), index))
                index += 1
                sent += 1228
            await asyncio.sleep(0.0025)
        (ended,) = run.ended
        assert (ended.stream, ended.reason) == (STREAM, "BITRATE_EXCEEDED")
        passed = session.received * 8
        assert passed <= kbps * 1000 * DROP_ABOVE * (ended.seconds + BURST_SECONDS) + 20_000
        assert run.plane.stats.dropped_above_limit * 1228 > sent / 2
        assert all(source.track.history.size <= MAX_BYTES for source in session.sections)
        await until(lambda: viewer.counts().missing == 0)
        assert (viewer.counts().altered, viewer.counts().unauthentic) == (0, 0)
