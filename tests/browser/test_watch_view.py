"""The watch view without media: what it asks, what it says, and when it tries again."""

import re

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from shared import refusals
from shared.refusals import Refused
from tests.browser.conftest import stop_the_clock
from tests.browser.fake_api import KEY, STREAM, FakeApi

pytestmark = pytest.mark.browser

COUNTDOWN = re.compile(r"\(in \d+ s\)")
NEXT_LOOK = re.compile(r"^Next look in \d+ s$")

EXPLAINED = [
    (refusals.stream_not_found(), "There is no such stream", "Check the link", ["Watch another stream"]),
    (
        refusals.viewer_limit_reached(20, 20),
        "The stream is full",
        "All 20 places",
        ["Try again", "Watch another stream"],
    ),
    (
        refusals.bandwidth_exceeded(51, 50),
        "The streamer's bandwidth is used up",
        "this month's bandwidth",
        ["Watch another stream"],
    ),
    (
        refusals.quota_exceeded(),
        "The stream's free bandwidth is used up",
        "without an account",
        ["Watch another stream"],
    ),
    (
        refusals.unsupported_offer("The stream is AV1."),
        "Your browser cannot play this stream",
        "The stream is AV1. Another browser",
        ["Try again", "Watch another stream"],
    ),
    (refusals.rate_limited(5), "Too many attempts", "pause", ["Try again (in … s)", "Stop trying"]),
    (refusals.draining(), "That server is being replaced", "by itself", ["Try again", "Stop trying"]),
    (refusals.unavailable(), "The service cannot decide right now", "by itself", ["Try again", "Stop trying"]),
]


@pytest.mark.parametrize(("refused", "title", "text", "buttons"), EXPLAINED, ids=[one[0].code for one in EXPLAINED])
def test_a_refusal_is_explained_to_the_viewer(
    page: Page, api: FakeApi, refused: Refused, title: str, text: str, buttons: list[str]
) -> None:
    """The same codes mean something else to a viewer than to a publisher, so they have words of their own."""
    stop_the_clock(page)  # or a page that tries again by itself does so while we look
    api.refuse("whep", refused)
    page.goto(f"{api.url}/watch/{STREAM}")

    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading")).to_have_text(title)
    expect(alert).to_contain_text(text)
    assert buttons == [COUNTDOWN.sub("(in … s)", text) for text in alert.get_by_role("button").all_inner_texts()]


def test_an_offline_stream_is_waited_for_with_back_off_and_joined_when_it_begins(page: Page, api: FakeApi) -> None:
    """The page says so, asks the cheap public state ever more seldom, and posts an offer again once it is live."""
    stop_the_clock(page)
    api.refuse("whep", refusals.stream_offline(), refusals.viewer_limit_reached(1, 1))
    page.goto(f"{api.url}/watch/{STREAM}")
    status = page.locator("#watch-status")
    expect(status).to_have_text("The stream is offline. Waiting for the streamer…")
    expect(page.locator("#next-look")).to_have_text("Next look in 3 s")
    waits = []
    for look in range(1, 6):
        expect(page.locator("#next-look")).to_have_text(NEXT_LOOK)
        said = page.locator("#next-look").inner_text()
        waits.append(int(said.split()[3]))
        page.clock.run_for(1_000 * (waits[-1] + 1))
        expect(page.locator("#next-look")).to_have_text(NEXT_LOOK)
        assert look == len(api.asked(f"/v1/streams/{STREAM}", "GET"))
    assert len(api.asked(f"/{STREAM}/whep")) == 1
    assert waits[-1] > waits[1]
    assert max(waits) <= 10

    api.streams[STREAM] = {"stream_id": STREAM, "live": True, "viewers": 0, "limit": 1, "since": 1.0}
    page.clock.run_for(12_000)

    expect(page.get_by_role("alert")).to_contain_text("The stream is full")
    assert len(api.asked(f"/{STREAM}/whep")) == 2


@pytest.mark.parametrize(
    "text",
    [
        STREAM,
        f"  {STREAM}\n",
        f"https://example.org/watch/{STREAM}",
        f"https://node.example.org:8889/{STREAM}/whep",
    ],
)
def test_an_id_a_link_and_a_whep_address_all_lead_to_the_stream(page: Page, api: FakeApi, text: str) -> None:
    """People paste what they have."""
    api.refuse("whep", refusals.viewer_limit_reached(1, 1))
    page.goto(f"{api.url}/#watch")
    page.locator("#stream-id").fill(text)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("The stream is full")
    assert len(api.asked(f"/{STREAM}/whep")) == 1
    assert page.url == f"{api.url}/watch/{STREAM}"


@pytest.mark.parametrize("text", ["nonsense", KEY, "https://example.org/watch/"])
def test_what_is_no_stream_is_not_sent_anywhere(page: Page, api: FakeApi, text: str) -> None:
    """Above all a stream key that was pasted into the wrong field."""
    page.goto(f"{api.url}/#watch")
    page.locator("#stream-id").fill(text)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("This is not a watch link")
    assert [one for one in api.seen if one.method == "POST"] == []


def test_the_back_button_leads_back_to_the_stream_before(page: Page, api: FakeApi) -> None:
    """Each stream has an address, and history works."""
    other = "b" * 16
    api.refuse("whep", *[refusals.viewer_limit_reached(1, 1)] * 3)
    page.goto(f"{api.url}/watch/{STREAM}")
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("#stream-id").fill(other)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert len(api.asked(f"/{other}/whep")) == 1

    page.go_back()

    expect(page.locator("#stream-id")).to_have_value(STREAM)
    expect(page.get_by_role("alert")).to_be_visible()
    assert len(api.asked(f"/{STREAM}/whep")) == 2


def test_the_player_is_muted_and_says_so(page: Page, api: FakeApi) -> None:
    """Browsers refuse to start with sound, so the page starts without and offers it."""
    api.refuse("whep", refusals.stream_offline())
    page.goto(f"{api.url}/watch/{STREAM}")

    assert page.evaluate("document.querySelector('#player').muted") is True
    assert page.evaluate("document.querySelector('#player').autoplay") is True


def embedding(page: Page, other: FakeApi, url: str) -> FrameLocator:
    """The frame of *url* in a page of another site."""
    # Served, not routed: Chromium takes a page that Playwright makes up for a public one, which may not frame loopback.
    other.embedding = f'<!doctype html><iframe id="frame" src="{url}" width="480" height="270"></iframe>'
    page.goto(f"{other.url}/embedding")
    return page.frame_locator("#frame")


def test_other_sites_may_embed_the_player_and_only_the_player(page: Page, api: FakeApi) -> None:
    """In a frame there is the picture and nothing around it."""
    api.refuse("whep", refusals.stream_offline())
    with FakeApi() as other:
        frame = embedding(page, other, f"{api.url}/watch/{STREAM}")

        expect(frame.locator("#watch-status")).to_have_text("The stream is offline. Waiting for the streamer…")
        expect(frame.locator("header")).to_be_hidden()
        expect(frame.locator("#watch-form")).to_be_hidden()


@pytest.mark.parametrize("fragment", ["", "#overview", "#publish", "#watch"])
def test_what_is_framed_is_the_player_whatever_the_fragment_says(page: Page, api: FakeApi, fragment: str) -> None:
    """The server never sees a fragment; nobody lays a button over a field for keys or tokens."""
    api.refuse("whep", refusals.stream_offline())
    with FakeApi() as other:
        frame = embedding(page, other, f"{api.url}/watch/{STREAM}{fragment}")

        expect(frame.locator("#watch-status")).to_have_text("The stream is offline. Waiting for the streamer…")
        expect(frame.locator("#player")).to_be_visible()
        expect(frame.locator("#publish, #overview, #stream-key, #account-token")).to_have_count(0)


def test_the_views_of_the_watch_page_are_links(page: Page, api: FakeApi) -> None:
    """To the page that has them."""
    api.refuse("whep", refusals.stream_offline())
    page.goto(f"{api.url}/watch/{STREAM}")
    page.get_by_role("link", name="Status").click()

    expect(page.get_by_role("heading", name="What the stack sees")).to_be_visible()
    assert page.url == f"{api.url}/#overview"


def test_the_page_that_takes_keys_cannot_be_framed(browser: Browser, api: FakeApi) -> None:
    """Nobody lays a button over ours."""
    page = browser.new_page()
    with FakeApi() as other:
        frame = embedding(page, other, api.url)

        page.wait_for_function("() => document.readyState === 'complete'")
        expect(frame.locator("#publish-form")).to_have_count(0)
    page.close()
