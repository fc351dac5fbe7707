"""What publishers and viewers tell of their sections in the same words."""

import asyncio

from tests.sfu.media_harness import stage

ALIKE = {
    *("mid", "kind", "codec", "negotiated", "profile_level_id"),
    *("first_packet_after", "first_keyframe_after", "kbps"),
}


async def test_both_sides_tell_alike_what_was_negotiated_and_how_soon_media_came() -> None:
    """And each of its own way what arrived or was sent."""
    async with stage() as run:
        publisher = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        assert publisher.ways.session is not None
        assert viewer.ways.session is not None
        now = run.plane._clock()
        sent, got = publisher.ways.session.media_state(now), viewer.ways.session.media_state(now)

    assert [one.keys() & got[0].keys() for one in sent] == [ALIKE | {"packets", "lost", "loss"}] * len(sent)
    video = next(one for one in sent if one["kind"] == "video")
    assert (video["codec"], video["profile_level_id"]) == (got[0]["codec"], got[0]["profile_level_id"])
    assert video["first_keyframe_after"] is not None
    assert got[0]["first_packet_after"] is not None
