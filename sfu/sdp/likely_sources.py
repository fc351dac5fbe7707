"""What a stream will probably carry, for the answer to a viewer who comes before the publisher. Pure.

An answer fixes one codec a section (docs/conformance.md, P12), so we take the likeliest source that the viewer can play: what
the stream carried last, else H264, which OBS, FFmpeg and most phones send, else what browsers have. Where another codec
comes, the viewer's session ends when the publisher begins (`codec_changed`), as after any change of codec, and it joins again.
"""

from collections.abc import Callable, Iterable, Iterator

from sfu.negotiation import Codec, Negotiated, SourceDescription, SourceTrack
from sfu.sdp.offer import Offer
from shared.refusals import Refused, stream_offline

_SOUND = SourceTrack("audio", Codec("OPUS", 48000, 2, {"useinbandfec": "1"}))
_PICTURES = (
    Codec("H264", 90000, 1, {"profile-level-id": "42e01f", "packetization-mode": "1"}),
    Codec("VP8", 90000),
    Codec("VP9", 90000),
    Codec("AV1", 90000),
    Codec("H265", 90000),
)


def likely_sources(last: SourceDescription | None) -> Iterator[SourceDescription]:
    """What may come, the likeliest first; *last* is what the stream carried before, None where nobody knows."""
    if last is not None:
        yield last
    for codec in _PICTURES:
        yield SourceDescription((SourceTrack("video", codec), _SOUND))


def first_playable(
    offer: Offer, sources: Iterable[SourceDescription], answer: Callable[[SourceDescription], Negotiated | Refused]
) -> Negotiated | Refused:
    """The answer to the first of *sources* whose picture the viewer can play; without one, the first answer there is."""
    wants_video = any(section.kind == "video" and not section.disabled for section in offer.sections)
    first: Negotiated | Refused | None = None
    for source in sources:
        outcome = answer(source)
        if isinstance(outcome, Negotiated) and (not wants_video or any(m.kind == "video" for m in outcome.media)):
            return outcome
        first = outcome if first is None or isinstance(first, Refused) else first
    return stream_offline() if first is None else first
