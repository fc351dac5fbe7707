"""The free key and the link that was shared with it: kept, and never replaced unasked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from shared import refusals
from tests.browser.conftest import stop_the_clock
from tests.browser.fake_api import ANONYMOUS_KEY, ANONYMOUS_STREAM, KEY, FakeApi

pytestmark = pytest.mark.browser


def key(page: Page) -> str:
    """What is in the field."""
    return page.get_by_label("Stream key", exact=True).input_value()


def link(page: Page) -> str:
    """The watch link that is shown."""
    return page.get_by_label("Watch link", exact=True).input_value()


def with_free_key(page: Page, api: FakeApi) -> None:
    """A page that has just taken a free key."""
    page.goto(api.url)
    page.get_by_role("button", name="Get a free key").click()
    expect(page.locator("#share")).to_be_visible()


def test_a_free_key_and_its_link_survive_a_reload(page: Page, api: FakeApi) -> None:
    """The page says in words that this device keeps it."""
    with_free_key(page, api)
    page.reload()

    expect(page.locator("#share")).to_be_visible()
    assert (key(page), link(page)) == (ANONYMOUS_KEY, f"{api.url}/watch/{ANONYMOUS_STREAM}")
    expect(page.locator("#kept-hint")).to_contain_text("kept on this device")
    assert len(api.asked("/v1/anonymous")) == 1


def test_a_free_key_is_forgotten_by_a_click(page: Page, api: FakeApi) -> None:
    """From the page and from the device."""
    with_free_key(page, api)
    page.get_by_role("button", name="Forget it").click()

    expect(page.locator("#share")).to_be_hidden()
    expect(page.locator("#publish-status")).to_contain_text("forgotten")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    assert key(page) == ""
    expect(page.locator("#kept-hint")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("agreed", [False, True])
def test_a_second_free_key_replaces_the_first_after_a_question_only(page: Page, api: FakeApi, *, agreed: bool) -> None:
    """It names the link that would lead nowhere, and `no` is where the focus is."""
    with_free_key(page, api)
    page.get_by_role("button", name="Get a free key").click()
    dialog = page.get_by_role("dialog", name="Replace your free key?")
    expect(dialog).to_contain_text(f"/watch/{ANONYMOUS_STREAM}, then leads nowhere")
    expect(dialog.get_by_role("button", name="Keep them")).to_be_focused()

    dialog.get_by_role("button", name="Replace key and link" if agreed else "Keep them").click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Get a free key")).to_be_enabled()
    expect(page.locator("#publish-status")).to_have_text(
        "A free key is in the field. Share the watch link, then go live." if agreed else "Nothing was changed."
    )
    assert len(api.asked("/v1/anonymous")) == (2 if agreed else 1)


def test_escape_keeps_what_there_is(page: Page, api: FakeApi) -> None:
    """By keyboard, too; the focus is back where it was."""
    with_free_key(page, api)
    page.get_by_role("button", name="Get a free key").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#publish-status")).to_have_text("Nothing was changed.")
    assert len(api.asked("/v1/anonymous")) == 1


def test_free_servers_use_the_free_key_that_is_kept(page: Page, api: FakeApi) -> None:
    """Whoever has its link sees the stream; no second key is made. Where a link is shown, the question comes before."""
    stop_the_clock(page)
    with_free_key(page, api)
    api.refuse("whip", refusals.stream_limit_reached(1, 1), refusals.no_capacity())
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("button", name="Retry with free servers").click()
    page.get_by_role("dialog").get_by_role("button", name="Use a free key").click()

    expect(page.get_by_role("alert")).to_contain_text("All servers are busy")
    assert [one.authorization for one in api.asked("/whip")] == [f"Bearer {KEY}", f"Bearer {ANONYMOUS_KEY}"]
    assert len(api.asked("/v1/anonymous")) == 1


def test_a_typed_key_leaves_the_field_after_a_question_only(page: Page, api: FakeApi) -> None:
    """It may be nowhere else."""
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Get a free key").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep the key").click()

    expect(page.locator("#publish-status")).to_have_text("Nothing was changed.")
    assert key(page) == KEY
    assert api.asked("/v1/anonymous") == []


def test_a_kept_key_that_the_server_forgot_says_what_became_of_the_link(page: Page, api: FakeApi) -> None:
    """Keys that are over lapse: the notice says so, and offers another one."""
    with_free_key(page, api)
    api.refuse("whip", refusals.invalid_key(), refusals.no_capacity())
    page.get_by_role("button", name="Go live", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("leads nowhere")

    page.get_by_role("button", name="Go live with a new free key").click()

    expect(page.get_by_role("alert")).to_contain_text("All servers are busy")
    assert len(api.asked("/v1/anonymous")) == 2


def test_a_browser_that_keeps_nothing_says_so(new_page: Callable[..., Page], api: FakeApi) -> None:
    """Storage may be denied; the key works, and the page says what a reload would do."""
    page = new_page()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied', 'SecurityError'); }})"
    )
    with_free_key(page, api)

    expect(page.locator("#kept-hint")).to_contain_text("a reload loses this key")
    assert key(page) == ANONYMOUS_KEY
