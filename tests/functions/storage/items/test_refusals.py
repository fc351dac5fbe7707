"""The item with a key's last refusals: what goes in comes out."""

from functions.domain.accounts import RefusedPublish
from functions.storage.attributes import from_item, to_item
from functions.storage.items.refusals import refused_publish_item, refused_publish_of


def test_a_refusal_survives_storage() -> None:
    """With a session's problem and without one; the stream is the item's, not the entry's."""
    plain = RefusedPublish("c" * 16, 1.5, "NO_CAPACITY", "whip", "203.0.113.0/24")
    problem = RefusedPublish("c" * 16, 1.5, "UNSUPPORTED_OFFER", "whip", "", "b_frames")

    for refusal in (plain, problem):
        assert refused_publish_of("c" * 16, from_item(to_item(refused_publish_item(refusal)))) == refusal
