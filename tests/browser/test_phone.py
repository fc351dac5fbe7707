"""The page on a phone, upright and on its side, and in the frame of another page: nothing that matters is out of view."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.fake_api import KEY, STREAM, FakeApi

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(120)]

UPRIGHT = (390, 844)
ASIDE = (844, 390)
SMALL_ASIDE = (667, 320)
SIZES = [UPRIGHT, ASIDE, SMALL_ASIDE, (1280, 620)]

OUT_OF_VIEW = """(selectors) => selectors.filter((one) => {
  const { left, top, right, bottom, width } = document.querySelector(one).getBoundingClientRect();
  return !(width > 0 && left >= -1 && top >= -1 && right <= innerWidth + 1 && bottom <= innerHeight + 1);
})"""
ON_TOP = """(selector) => {
  const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
  return document.elementFromPoint(left + width / 2, top + height / 2)?.closest(selector) !== null;
}"""
SCROLLS = (
    "() => [document.scrollingElement.scrollHeight - innerHeight, document.scrollingElement.scrollWidth - innerWidth]"
)


@pytest.fixture
def streaming(new_page: Callable[..., Page]) -> Iterator[tuple[FakeApi, Page]]:
    """The page of a phone that publishes."""
    with FakeApi(node=True) as api:
        page = new_page(ASIDE)
        page.goto(api.url)
        expect(page.locator("body")).to_have_attribute("data-state", "idle")
        page.get_by_role("radio", name="Test pattern").check()
        page.get_by_label("Resolution").select_option("360p")
        page.get_by_label("Stream key", exact=True).fill(KEY)
        page.get_by_role("button", name="Go live").click()
        expect(page.locator("body")).to_have_attribute("data-state", "live")
        yield api, page


def test_stop_is_in_view_while_live_and_the_picture_too(streaming: tuple[FakeApi, Page]) -> None:
    """At the top and at the bottom of the page; at the top with the picture and what the page says."""
    _, page = streaming
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for place in ("0", "document.scrollingElement.scrollHeight"):
            page.evaluate(f"scrollTo(0, {place})")
            assert page.evaluate(OUT_OF_VIEW, ["#go-live"]) == [], (width, height, place)
            assert page.evaluate(ON_TOP, "#go-live"), (width, height, place)
        page.evaluate("scrollTo(0, 0)")
        wanted = ["#publish-stage", "#publish-status", "#mute-microphone"]
        assert page.evaluate(OUT_OF_VIEW, wanted) == [], (width, height)


def test_a_viewer_sees_the_picture_and_its_controls(
    streaming: tuple[FakeApi, Page], new_page: Callable[..., Page]
) -> None:
    """All of them, without scrolling."""
    api, _ = streaming
    page = new_page(ASIDE)
    page.goto(f"{api.url}/watch/{STREAM}")
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        wanted = ["#watch-stage", "#sound", "#fullscreen", "#stop-watching"]
        assert page.evaluate(OUT_OF_VIEW, wanted) == [], (width, height)


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (300, 500)])
def test_a_frame_of_another_page_never_scrolls(
    streaming: tuple[FakeApi, Page], new_page: Callable[..., Page], size: tuple[int, int]
) -> None:
    """The picture fills the frame, and its controls lie on it."""
    api, _ = streaming
    width, height = size
    page = new_page((700, 600))
    with FakeApi() as other:
        url = f"{api.url}/watch/{STREAM}"
        other.embedding = f'<!doctype html><iframe src="{url}" width="{width}" height="{height}"></iframe>'
        page.goto(f"{other.url}/embedding")
        frame: Frame = page.frames[1]
        frame.wait_for_selector("body[data-state=live]")
        assert frame.evaluate(SCROLLS) == [0, 0]
        assert frame.evaluate(OUT_OF_VIEW, ["#watch-stage", "#sound", "#fullscreen"]) == []


def test_go_live_is_in_view_on_a_phone_on_its_side(new_page: Callable[..., Page], api: FakeApi) -> None:
    """And that before any script has run."""
    page = new_page(ASIDE)
    page.goto(api.url)
    expect(page.locator("body")).to_have_attribute("data-state", "idle")

    assert page.evaluate(OUT_OF_VIEW, ["#publish-stage", "#publish-status", "#preview-source", "#go-live"]) == []


def test_the_camera_comes_first_where_there_is_one(page: Page, api: FakeApi) -> None:
    """Nothing is asked of the person before he goes on."""
    page.goto(api.url)
    expect(page.locator("body")).to_have_attribute("data-state", "idle")

    expect(page.get_by_role("radio", name="Camera")).to_be_checked()
    expect(page.get_by_role("radio", name="Screen")).to_be_visible()


@pytest.mark.parametrize(
    ("script", "source"),
    [
        ("navigator.mediaDevices.enumerateDevices = async () => []", "Test pattern"),
        ("navigator.mediaDevices.enumerateDevices = async () => { throw new Error('no'); }", "Test pattern"),
        ("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})", "Test pattern"),
        ("delete MediaDevices.prototype.getDisplayMedia", "Camera"),
    ],
)
def test_what_a_browser_lacks_is_not_the_first_choice(page: Page, api: FakeApi, script: str, source: str) -> None:
    """Without a camera there is the test pattern; without a screen to share (phones) there is no such choice."""
    page.add_init_script(script)
    page.goto(api.url)
    expect(page.locator("body")).to_have_attribute("data-state", "idle")

    expect(page.get_by_role("radio", name=source)).to_be_checked()
    has_screen = page.evaluate("typeof navigator.mediaDevices?.getDisplayMedia === 'function'")
    assert page.locator("#source-screen").is_visible() == has_screen
