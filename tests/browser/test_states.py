"""What the page is doing, for programs: one word on the body and one sentence beside it; and what it cannot do, in words."""

import pytest
from playwright.sync_api import Page, expect

from functions.public.assets import load
from shared import refusals
from shared.refusals import REGISTRY, Retry
from tests.browser.conftest import stop_the_clock
from tests.browser.fake_api import KEY, STREAM, FakeApi

pytestmark = pytest.mark.browser

STATES = {"idle", "connecting", "live", "reconnecting", "waiting", "ended", "refused"}


def go_live(page: Page, api: FakeApi) -> None:
    """With the key of an account."""
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go live").click()


def test_what_is_tried_again_by_itself_is_waiting_and_can_be_cancelled(page: Page, api: FakeApi) -> None:
    """There is no 'Go live' beside 'Trying again'."""
    stop_the_clock(page)
    api.refuse("whip", refusals.no_capacity())
    go_live(page, api)
    expect(page.get_by_role("alert")).to_contain_text("Trying again in")

    expect(page.locator("body")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#go-live")).to_have_text("Cancel")
    page.locator("#go-live").click()
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_needs_a_person_is_refused(page: Page, api: FakeApi) -> None:
    """The page waits until that person acts."""
    api.refuse("whip", refusals.key_already_in_use("node1"))
    go_live(page, api)

    expect(page.locator("body")).to_have_attribute("data-state", "refused")
    expect(page.get_by_role("status")).to_have_text("This key is active elsewhere.")
    expect(page.locator("#go-live")).to_have_text("Go live")


@pytest.mark.parametrize(
    ("refused", "state", "says"),
    [
        (refusals.stream_offline(), "waiting", "The stream is offline. Waiting for the streamer…"),
        (refusals.viewer_limit_reached(1, 1), "waiting", "The stream is full. Waiting to try again…"),
        (refusals.stream_not_found(), "refused", "There is no such stream."),
    ],
)
def test_the_watch_view_says_its_own_state(
    page: Page, api: FakeApi, refused: refusals.Refused, state: str, says: str
) -> None:
    """The one sentence in the role is that of the view that is shown."""
    stop_the_clock(page)
    api.refuse("whep", refused)
    page.goto(f"{api.url}/watch/{STREAM}")

    expect(page.locator("body")).to_have_attribute("data-state", state)
    expect(page.get_by_role("status")).to_have_text(says)
    assert page.locator("[role=status]").first.inner_text() == says
    page.get_by_role("link", name="Publish").click()
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    expect(page.get_by_role("status")).to_have_text("You are not live.")


def test_every_state_of_a_view_has_its_word(page: Page, api: FakeApi) -> None:
    """And no other words are used."""
    page.goto(api.url)
    publish = ["idle", "opening", "connecting", "live", "reconnecting", "waiting", "ended", "refused"]
    watch = ["idle", "joining", "playing", "paused", "reconnecting", "waiting", "ended", "refused"]
    words = page.evaluate(
        """async ([file, publish, watch]) => {
          const { pageState } = await import(file);
          return [...publish.map((one) => pageState("publish", one, "idle")), ...watch.map((one) => pageState("watch", "live", one))];
        }""",
        [f"/assets/{load().version}/page-state.js", publish, watch],
    )

    assert set(words) == STATES


def test_what_the_registry_calls_later_is_tried_later_by_itself(page: Page, api: FakeApi) -> None:
    """Every code of it at every place, and none that will be refused again as it is."""
    page.goto(api.url)
    auto = page.evaluate(
        """async ([file, codes]) => {
          const { explain, explainedCodes } = await import(file);
          const told = {};
          for (const place of ["publish", "watch"]) {
            const known = explainedCodes(place);
            for (const code of codes.filter((one) => known.includes(one))) {
              const refusal = { code, status: 400, fields: { limit: 1, current: 1 }, message: "", retryAfter: null };
              told[`${place} ${code}`] = explain(refusal, place).auto;
            }
          }
          return told;
        }""",
        [f"/assets/{load().version}/text/refusals.js", [code.value for code in REGISTRY]],
    )

    later = {code.value for code, definition in REGISTRY.items() if definition.retry is Retry.LATER}
    assert {name for name, one in auto.items() if one} == {name for name in auto if name.split()[1] in later}
    assert "watch VIEWER_LIMIT_REACHED" in auto


def test_a_full_stream_is_joined_when_somebody_has_left(page: Page, api: FakeApi) -> None:
    """Not sooner than after some seconds: crowds ask, too."""
    stop_the_clock(page)
    api.refuse("whep", refusals.viewer_limit_reached(1, 1), refusals.stream_not_found())
    page.goto(f"{api.url}/watch/{STREAM}")
    expect(page.get_by_role("alert")).to_contain_text("The only place is taken.")
    page.clock.run_for(4_000)
    assert len(api.asked(f"/{STREAM}/whep")) == 1

    page.clock.run_for(2_000)

    expect(page.get_by_role("alert")).to_contain_text("There is no such stream")


@pytest.mark.parametrize(
    ("limit", "says"), [(0, "This stream has no places"), (1, "The only place"), (2, "All 2 places")]
)
def test_places_are_counted_as_people_do(page: Page, api: FakeApi, limit: int, says: str) -> None:
    """The page never says 'All 1 places'."""
    stop_the_clock(page)
    api.refuse("whep", refusals.viewer_limit_reached(limit, limit))
    page.goto(f"{api.url}/watch/{STREAM}")

    expect(page.get_by_role("alert")).to_contain_text(says)


@pytest.mark.parametrize("how", ["delete window.RTCPeerConnection", "window.RTCPeerConnection = class { constructor() { throw new DOMException('policy', 'NotAllowedError'); } }"], ids=["absent", "forbidden"])  # fmt: skip
@pytest.mark.parametrize("view", ["publish", "watch"])
def test_a_browser_without_webrtc_is_told_so_in_words(page: Page, api: FakeApi, how: str, view: str) -> None:
    """Not 'RTCPeerConnection is not defined', and nothing is asked of the server."""
    page.add_init_script(how)
    if view == "publish":
        go_live(page, api)
    else:
        page.goto(f"{api.url}/watch/{STREAM}")

    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading")).to_have_text("This browser cannot carry live video")
    expect(alert).not_to_contain_text("RTCPeerConnection")
    expect(page.locator("body")).to_have_attribute("data-state", "refused")
    assert api.asked("/whip") + api.asked(f"/{STREAM}/whep") == []


def test_the_watch_view_is_at_watch(page: Page, api: FakeApi) -> None:
    """Without a stream, there is the field for one."""
    page.goto(f"{api.url}/watch")

    expect(page.locator("#stream-id")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
