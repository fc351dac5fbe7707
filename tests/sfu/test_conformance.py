"""docs/conformance.md and the tests agree on each other."""

import re
from pathlib import Path

from tests.sfu.media.test_group_table import GRAMMAR, ORDERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text()
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
}
NAMED = set(re.findall(r"`(test_\w+)`", PAGE))


def test_every_test_that_the_page_names_exists() -> None:
    """Nobody is sent to a test that was renamed."""
    assert not NAMED - TESTS


def test_every_test_of_an_item_is_on_the_page() -> None:
    """A test that claims an item's number shows there."""
    numbered = {name for name in TESTS if re.match(r"test_(1[abc]|p\d\d)_", name)}

    assert not numbered - NAMED


def test_every_item_is_on_the_page_once() -> None:
    """47 of WHIP, 14 of WHEP, in order."""
    items = re.findall(r"^\| (1[AB]\.\d\d) \|", PAGE, re.MULTILINE)

    assert items == [*(f"1A.{n:02}" for n in range(1, 48)), *(f"1B.{n:02}" for n in range(1, 15))]


def test_the_table_of_pictures_names_each_habit_and_codec() -> None:
    """As its test makes them."""
    section = PAGE.split("## Pictures", 1)[1]

    assert set(re.findall(r"^\| ((?:H264, H265|VP8|VP9|AV1)) \|", section, re.MULTILINE)) == {
        "H264, H265",
        "VP8",
        "VP9",
        "AV1",
    }
    assert {codec for row in ("H264, H265", "VP8", "VP9", "AV1") for codec in row.split(", ")} == set(GRAMMAR)
    for order in ("swapped", "backwards", "shuffled", "late", "lost"):
        assert order in section
        assert any(order in one for one in ORDERS)
