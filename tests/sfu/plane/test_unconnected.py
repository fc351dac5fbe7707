"""POSTs alone keep no seat from anybody who connects: who makes way, and how many one address may have waiting."""

import asyncio

import pytest

from shared.refusals import Code
from tests.sfu.media_harness import STREAM, RefusedError, Stage, TestViewer, stage
from tests.sfu.plane.test_plane import reasons, until


def session_of(viewer: TestViewer) -> str:
    """The id of its session."""
    assert viewer.ways.session is not None
    return viewer.ways.session.id


def flood(run: Stage, count: int, **options: object) -> list[TestViewer]:
    """So many POSTs, and nothing behind them."""
    return [run.posted(**options) for _ in range(count)]  # type: ignore[arg-type]  # the harness's own options


async def test_a_full_stream_takes_who_connects() -> None:
    """Three watch, 120 post and send nothing: each newcomer is let in, by the oldest of those, and the three stay."""
    async with stage() as run:
        await run.publisher()
        watching = [await run.viewer() for _ in range(3)]
        posted = flood(run, 120, viewers=20)

        newcomers = [await run.viewer() for _ in range(17)]

        assert run.plane.viewers(STREAM) == 20
        assert reasons(run) == {session_of(viewer): "made_way" for viewer in posted}
        for viewer in (*watching, *newcomers):
            assert await asyncio.wait_for(viewer.picture, 5)
            assert not viewer.ended.done()


async def test_who_makes_way_is_the_oldest_without_a_check() -> None:
    """In the order of their POSTs; who has connected in between is passed over."""
    async with stage() as run:
        await run.publisher()
        first, second, third = flood(run, 3, viewers=3)
        await first.connect_now()

        flood(run, 1, viewers=3)
        assert reasons(run) == {session_of(second): "made_way"}
        flood(run, 1, viewers=3)
        assert reasons(run) == {session_of(second): "made_way", session_of(third): "made_way"}


async def test_a_stream_full_of_viewers_refuses_as_documented() -> None:
    """The limit is exact: nobody who watches makes way, and nobody of another stream."""
    async with stage() as run:
        await run.publisher()
        await run.publisher(stream="ponmlkjihgfedcba")
        flood(run, 5, stream="ponmlkjihgfedcba")
        for _ in range(2):
            await run.viewer(viewers=2)

        with pytest.raises(RefusedError) as refused:
            await run.viewer(viewers=2)

        assert refused.value.refused.code is Code.VIEWER_LIMIT_REACHED
        assert reasons(run) == {}


async def test_a_full_node_takes_who_connects() -> None:
    """Publishers and viewers alike, whatever stream the POSTs are for; a publisher never makes way."""
    async with stage(max_sessions=5) as run:
        await run.publisher()
        posted = flood(run, 4)
        load = run.plane.load()
        assert (load.publishers, load.viewers) == (1, 0)

        await run.viewer()
        await run.publisher(stream="ponmlkjihgfedcba")
        await run.viewer(stream="ponmlkjihgfedcba")
        await run.viewer()

        assert reasons(run) == {session_of(viewer): "made_way" for viewer in posted}
        with pytest.raises(RefusedError) as refused:
            await run.viewer()
        assert refused.value.refused.code is Code.NO_CAPACITY


async def test_the_control_plane_hears_of_viewers_who_connected() -> None:
    """Or it would refuse for the node, which does not refuse."""
    async with stage() as run:
        await run.publisher()
        flood(run, 30)
        await run.viewer()

        (report,) = run.plane.streams()
        load = run.plane.load()

        assert (report.viewers, load.viewers) == (1, 1)


async def test_one_address_has_so_many_waiting_and_no_more() -> None:
    """RATE_LIMITED with Retry-After; others are not concerned, and who connects or ends makes room."""
    async with stage(max_unconnected_per_address=3) as run:
        await run.publisher()
        first, second, _ = flood(run, 3, address="192.0.2.1")
        with pytest.raises(RefusedError) as refused:
            run.posted(address="192.0.2.1")
        assert refused.value.refused.code is Code.RATE_LIMITED
        assert refused.value.refused.headers()["Retry-After"] == "1"
        assert reasons(run) == {}

        run.posted(address="192.0.2.2")
        await first.connect_now()
        run.posted(address="192.0.2.1")
        run.plane.end(session_of(second), "delete")
        run.posted(address="192.0.2.1")
        with pytest.raises(RefusedError):
            run.posted(address="192.0.2.1")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_an_ipv6_network_is_one_address(first: str, second: str, *, same: bool) -> None:
    """A subscriber has a /64 at least."""
    async with stage(max_unconnected_per_address=1) as run:
        await run.publisher()
        run.posted(address=first)
        try:
            run.posted(address=second)
        except RefusedError:
            assert same
        else:
            assert not same


async def test_two_hundred_viewers_behind_one_address_get_in() -> None:
    """All at once, as an office does: who is told to wait a second does, and nobody is left out."""
    async with stage(max_unconnected_per_address=64) as run:
        await run.publisher()

        async def join() -> TestViewer:
            while True:
                try:
                    return await run.viewer(viewers=200, media={"address": "192.0.2.1"})
                except RefusedError as refused:
                    assert refused.refused.code is Code.RATE_LIMITED  # noqa: PT017 - anything else fails the join
                    await asyncio.sleep(float(refused.refused.headers()["Retry-After"]))

        viewers = await asyncio.gather(*(join() for _ in range(200)))

        await until(lambda: run.plane.viewers(STREAM) == 200)
        assert not any(viewer.ended.done() for viewer in viewers)
        assert reasons(run) == {}
