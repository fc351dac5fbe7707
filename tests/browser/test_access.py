"""The page for everybody: by keyboard alone, at a phone's width, in the dark, with names on everything."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from functions.public.api import reference
from shared import refusals
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.fake_api import ANONYMOUS_STREAM, KEY, STREAM, TOKEN, FakeApi

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


def tab(page: Page, times: int) -> list[str]:
    """Where *times* presses of Tab lead."""
    seen = []
    for _ in range(times):
        page.keyboard.press("Tab")
        seen.append(str(page.evaluate(FOCUSED)))
    return seen


def test_publishing_needs_no_mouse(page: Page, api: FakeApi) -> None:
    """Tab goes through the controls in reading order, Enter goes live, and a refusal is one Tab from its way on."""
    api.refuse("whip", refusals.key_already_in_use("node1"), refusals.invalid_key())
    page.goto(api.url)

    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    order = tab(page, 16)
    assert order == [
        "Skip to the content",
        "Sluice",
        "Publish",
        "Watch",
        "Status",
        "API",
        "preview-source",
        "source-camera",
        "camera",
        "microphone",
        "resolution",
        "bitrate",
        "codec",
        "stream-key",
        "show-key",
        "free-key",
    ]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    assert tab(page, 1) == ["Override"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    tab(page, 1)
    page.keyboard.press("Enter")
    expect(page.locator("#stream-key")).to_be_focused()


def test_the_source_is_chosen_with_arrow_keys(page: Page, api: FakeApi) -> None:
    """A group of radio buttons is one stop of Tab, and the camera's own settings follow it."""
    page.goto(api.url)
    page.locator("#source-pattern").focus()
    page.keyboard.press("ArrowRight")

    assert page.evaluate("document.forms['publish-form'].elements.source.value") == "camera"
    expect(page.locator("#microphone")).to_be_visible()
    assert tab(page, 2) == ["camera", "microphone"]


def test_switching_views_moves_focus_to_their_heading(page: Page, api: FakeApi) -> None:
    """A screen reader hears where it is; the title follows."""
    page.goto(api.url)
    page.get_by_role("link", name="Status").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="What the stack sees")).to_be_focused()
    expect(page).to_have_title("What the stack sees · Sluice")
    expect(page.get_by_role("link", name="Status")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("view", ["", "#watch", "#overview"])
def test_every_control_has_a_name(page: Page, api: FakeApi, view: str) -> None:
    """No field or button without a label."""
    page.goto(f"{api.url}/{view}")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, a, video, meter')].filter((one) =>
             !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)"""
    )

    assert nameless == []


def test_what_happens_is_announced_politely(page: Page, api: FakeApi) -> None:
    """Status lines are live regions; refusals are alerts."""
    page.goto(api.url)

    for name in ("publish-status", "watch-status", "lookup-status", "account-status"):
        expect(page.locator(f"#{name}")).to_have_attribute("aria-live", "polite")
    assert page.locator("#publish-status").inner_text() == "You are not live."


@pytest.mark.parametrize("size", [PHONE, (320, 640), DESKTOP], ids=["phone", "small", "desktop"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    new_page: Callable[..., Page], api: FakeApi, size: tuple[int, int], *, dark: bool
) -> None:
    """With a notice, with the share card, with a full account: no view scrolls sideways."""
    page = new_page(size, dark=dark)
    api.refuse("whip", refusals.stream_limit_reached(4, 4))
    api.refuse("whep", refusals.viewer_limit_reached(20, 20))
    api.account = owner()
    api.keys = [{"stream_key": "live_…", "stream_id": STREAM, "label": "a" * 40, "created": 1.0, "live": True}]
    page.goto(api.url)
    page.get_by_role("button", name="Get a free key").click()
    expect(page.locator("#share")).to_be_visible()
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert too_wide(page) == []

    page.goto(f"{api.url}/watch/{STREAM}")
    expect(page.get_by_role("alert")).to_be_visible()
    assert too_wide(page) == []

    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#account")).to_be_visible()
    page.locator("#lookup-id").fill(STREAM)
    page.keyboard.press("Enter")
    expect(page.locator("#stream-state")).to_be_visible()
    assert too_wide(page) == []


def too_wide(page: Page) -> list[str]:
    """The elements that make the document wider than the window."""
    found: list[str] = page.evaluate(
        """document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
             .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
             .map((one) => `${one.tagName} #${one.id} .${one.className} ${one.getBoundingClientRect().right}`)"""
    )
    return found


def owner() -> dict[str, object]:
    """An account with everything in it."""
    live = {"viewers": 12, "limit": 30, "since": 1.0, "kbps": 2540, "node": "node1", "region": "local"}
    return {
        "account": "solo-demo",
        "tier": "solo_creator",
        "limits": {
            "streams": 4,
            "bytes": 500_000_000_000,
            "viewers": 30,
            "kbps": 12_000,
            "protocols": ["hls", "rtmp", "srt", "whep", "whip"],
            "hls_embed": "anywhere",
        },
        "usage": {
            "month": "2026-11",
            "bytes": 423_400_000_000,
            "quota_bytes": 500_000_000_000,
            "percentage_used": 84.7,
            "blocked": False,
            "resets_at": 1_796_083_200,
        },
        "streams": [{"stream_id": STREAM, **live}, {"stream_id": ANONYMOUS_STREAM, **live}],
    }


def test_phone_targets_are_large_enough_for_a_thumb(new_page: Callable[..., Page], api: FakeApi) -> None:
    """Buttons and fields are at least 44 CSS pixels high (WCAG 2.5.5); links inside sentences are exempt."""
    page = new_page(PHONE)
    page.goto(api.url)
    small = page.evaluate(
        """[...document.querySelectorAll('#publish button:not(.link), #publish input:not([type=radio]), #publish select')]
             .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).map((one) => one.id)"""
    )

    assert small == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(new_page: Callable[..., Page], api: FakeApi, *, dark: bool) -> None:
    """Every colour that text is written in has a contrast of 4.5 to what it is written on (WCAG 1.4.3)."""
    page = new_page(dark=dark)
    page.goto(api.url)
    pairs = [
        ("--ink", "--ground"), ("--ink", "--surface"), ("--soft", "--ground"), ("--soft", "--surface"),
        ("--soft", "--sunken"), ("--accent", "--surface"), ("--accent-strong", "--tint"), ("--on-accent", "--accent"),
        ("--ink", "--warn-ground"), ("--warn", "--warn-ground"), ("--soft", "--warn-ground"), ("--live", "--surface"),
    ]  # fmt: skip
    ratios = page.evaluate(
        """(pairs) => {
          const style = getComputedStyle(document.documentElement);
          const light = (name) => {
            const hex = style.getPropertyValue(name).trim().slice(1);
            const [r, g, b] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
              .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          return pairs.map(([on, under]) => {
            const [a, b] = [light(on), light(under)].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
          });
        }""",
        pairs,
    )

    assert [pair for pair, ratio in zip(pairs, ratios, strict=True) if ratio < 4.5] == []


HEADINGS = "() => [...document.querySelectorAll('h1,h2,h3,h4')].filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]))"


@pytest.mark.parametrize("view", ["", "watch", "#overview", "nothing"])
def test_headings_follow_one_another(page: Page, api: FakeApi, view: str) -> None:
    """One of the first level at the top, and none that skips a level, with a notice in each place."""
    api.account = owner()
    api.keys = [{"stream_key": "live_…", "stream_id": STREAM, "label": "", "created": 1.0, "live": True}]
    page.goto(f"{api.url}/{view}")
    if view == "":
        page.get_by_role("button", name="Get a free key").click()
        expect(page.locator("#share")).to_be_visible()
        page.get_by_label("Stream key", exact=True).fill("hunter2")
        page.get_by_role("button", name="Go live").click()
    elif view == "watch":
        page.locator("#stream-id").fill("hunter2")
        page.keyboard.press("Enter")
    elif view == "#overview":
        page.locator("#account-token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#account")).to_be_visible()
        page.locator("#lookup-id").fill("hunter2")
        page.keyboard.press("Enter")
    if view != "nothing":
        expect(page.get_by_role("alert")).to_be_visible()

    levels = page.evaluate(HEADINGS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [b for a, b in itertools.pairwise(levels) if b > a + 1] == []


def test_the_reference_has_its_headings_in_order(page: Page) -> None:
    """It is generated, and its headings with it."""
    page.set_content(reference.page())
    levels = page.evaluate(HEADINGS)

    assert levels[0] == 1
    assert [b for a, b in itertools.pairwise(levels) if b > a + 1] == []


LABELS = """() => [...document.querySelectorAll('button, a, input, select')].filter((one) => {
  const said = one.getAttribute('aria-label');
  return said && one.textContent.trim() && !said.toLowerCase().includes(one.textContent.trim().toLowerCase());
}).map((one) => one.outerHTML)"""
TOGGLES = """() => [...document.querySelectorAll('[aria-pressed]')].map((one) => one.outerHTML)"""


@pytest.mark.parametrize("view", ["", "#watch", "#overview"])
def test_a_control_is_named_as_it_is_labelled(page: Page, api: FakeApi, view: str) -> None:
    """Whoever speaks to a browser says what he reads (WCAG 2.5.3); before and after a press. What changes its words has no pressed state
    beside: 'Unmute, pressed' would say the contrary.
    """
    page.goto(f"{api.url}/{view}")
    assert page.evaluate(LABELS) == []
    assert page.evaluate(TOGGLES) == []
    if view == "":
        page.get_by_role("button", name="Show the stream key").click()
        expect(page.get_by_role("button", name="Hide the stream key")).to_have_text("Hide")
        page.get_by_role("button", name="Get a free key").click()
        page.get_by_role("button", name="Copy the watch link").click()
        expect(page.locator("[data-copy=watch-link]")).to_have_text("Copied")
        assert page.evaluate(LABELS) == []
        assert page.evaluate(TOGGLES) == []


@pytest.mark.parametrize("view", ["", "#watch", "#overview", f"watch/{STREAM}"])
def test_the_skip_link_leads_to_the_content_of_the_view_that_is_shown(page: Page, api: FakeApi, view: str) -> None:
    """And not to another view."""
    api.refuse("whep", refusals.stream_not_found())
    page.goto(f"{api.url}/{view}")
    expect(page.locator("body")).to_have_attribute("data-state", re.compile("idle|refused"))
    before = page.title()
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()
    assert page.title() == before


def test_focus_is_not_lost_when_a_notice_goes(page: Page, api: FakeApi) -> None:
    """The next Tab goes on from there, and not from the top of the page."""
    api.refuse("whep", refusals.unsupported_offer("No."), refusals.stream_offline())
    page.goto(f"{api.url}/watch/{STREAM}")
    page.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#watch-status")).to_contain_text("offline")

    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize(("view", "field"), [("#overview", "lookup-id"), ("#overview", "account-token"), ("#watch", "stream-id")])  # fmt: skip
def test_a_wrong_field_says_so_to_everybody(page: Page, api: FakeApi, view: str, field: str) -> None:
    """`aria-invalid` with a value: without one it means that nothing is wrong."""
    page.goto(f"{api.url}/{view}")
    page.locator(f"#{field}").fill("hunter2")
    page.keyboard.press("Enter")

    expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
