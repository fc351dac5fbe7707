"""What the page says of bad networks, over a real node: the publisher's, the viewer's, and an end that is no fault at all."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from shared import refusals
from shared.months import GB
from tests.browser.fake_api import CUT, GOOD, KEY, STREAM, FakeApi
from tests.peers.lossy import Network

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.timeout(120)]

WATCH_STATES = """() => {
  window.said = [];
  const note = () => window.said.push([document.body.dataset.state, document.querySelector('[role=status]').textContent,
    document.querySelector('#go-live').textContent, document.querySelector('#publish-notice').textContent]);
  new MutationObserver(note).observe(document.body, {attributes: true, childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture
def live(new_page: Callable[..., Page]) -> Iterator[tuple[FakeApi, Page]]:
    """A page that publishes the test pattern to a real node."""
    with FakeApi(node=True) as api:
        page = new_page()
        page.goto(api.url)
        expect(page.locator("body")).to_have_attribute("data-state", "idle")
        page.get_by_role("radio", name="Test pattern").check()
        page.get_by_label("Resolution").select_option("360p")
        page.get_by_label("Stream key", exact=True).fill(KEY)
        page.get_by_role("button", name="Go live").click()
        is_now(page, "live")
        yield api, page


@pytest.fixture
def viewer(live: tuple[FakeApi, Page], new_page: Callable[..., Page]) -> Page:
    """A page that plays it."""
    page = new_page()
    page.goto(f"{live[0].url}/watch/{STREAM}")
    is_now(page, "live", 20)
    return page


def is_now(page: Page, state: str, seconds: float = 15) -> float:
    """The page comes to *state* within *seconds*; how many it took."""
    began = time.monotonic()
    page.wait_for_function("(state) => document.body.dataset.state === state", arg=state, timeout=1000 * seconds)
    return time.monotonic() - began


def sentence(page: Page) -> str:
    """What the page says, to programs and people."""
    return page.locator("[role=status]").first.inner_text()


def test_a_publisher_without_a_network_is_reconnecting_until_it_is_back(live: tuple[FakeApi, Page]) -> None:
    """Within 3 s and for as long as it tries: never live, never at rest with a promise to try again; then it is live again."""
    api, page = live
    api.networks[-1].network = CUT
    page.context.set_offline(True)

    assert is_now(page, "reconnecting") < 3
    page.evaluate(WATCH_STATES)
    assert "offline" in sentence(page)
    assert "Sending" not in page.locator("#publish").inner_text()
    # The session is given up, a further attempt fails, and still there is one state only.
    expect(page.get_by_role("alert")).to_contain_text("Trying again in")
    states = {state for state, *_ in page.evaluate("() => window.said")}
    assert states == {"reconnecting"}
    assert not [one for one in page.evaluate("() => window.said") if one[2] == "Go live"]

    page.context.set_offline(False)
    is_now(page, "live")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_gap_in_the_network_ends_without_a_second_session(live: tuple[FakeApi, Page]) -> None:
    """What comes back after some seconds goes on where it was."""
    api, page = live
    api.networks[-1].network = CUT
    assert is_now(page, "reconnecting") < 3
    assert "The connection was lost" in sentence(page)

    api.networks[-1].network = GOOD

    is_now(page, "live")
    assert len(api.asked("/whip")) == 1


@pytest.mark.long
def test_a_viewer_whose_network_is_dead_is_not_told_to_wait_for_the_streamer(
    live: tuple[FakeApi, Page], viewer: Page
) -> None:
    """The server says that the stream goes on, and nothing arrives: so it is the viewer's own network. It comes back by itself."""
    api, _ = live
    api.networks[-1].network = CUT

    assert is_now(viewer, "reconnecting", 6) < 5
    assert sentence(viewer) == "Your connection is interrupted: nothing arrives here. Reconnecting…"
    api.networks[-1].network = GOOD
    is_now(viewer, "live")


@pytest.mark.long
def test_a_viewer_who_is_offline_is_told_so(live: tuple[FakeApi, Page], viewer: Page) -> None:
    """And plays on when the network is back."""
    api, _ = live
    api.networks[-1].network = CUT
    viewer.context.set_offline(True)

    is_now(viewer, "reconnecting", 6)
    expect(viewer.locator("#watch-status")).to_have_text(
        "You are offline. The stream goes on when your network is back."
    )
    viewer.wait_for_timeout(100)
    viewer.context.set_offline(False)
    api.networks[-1].network = GOOD
    is_now(viewer, "live")


@pytest.mark.long
def test_a_streamer_whose_network_is_dead_is_named(live: tuple[FakeApi, Page], viewer: Page) -> None:
    """The server says that nothing comes from there; the viewer keeps its session."""
    api, _ = live
    api.networks[0].network = CUT

    assert is_now(viewer, "waiting") < 4
    assert sentence(viewer) == "The streamer's connection is interrupted. Waiting for the picture…"
    api.networks[0].network = GOOD
    is_now(viewer, "live")
    assert len(api.asked(f"/{STREAM}/whep")) == 1


@pytest.mark.long
def test_a_slow_network_of_the_viewer_is_said_to_be_his(live: tuple[FakeApi, Page], viewer: Page) -> None:
    """Loss on his side, while he plays."""
    api, _ = live
    api.networks[-1].network = Network(loss=0.3, delay=0.05, jitter=0)

    expect(viewer.locator("#slow")).to_contain_text("Your connection is slow")
    assert "streamer" not in sentence(viewer)


def test_the_end_of_a_stream_is_told_at_once(live: tuple[FakeApi, Page], viewer: Page) -> None:
    """Within 2 s of the publisher's DELETE, and the page plays again when he is back."""
    _, page = live
    page.get_by_role("button", name="Stop publishing").click()

    assert is_now(viewer, "ended") < 2
    assert sentence(viewer) == "The stream has ended. Waiting for the streamer…"
    is_now(page, "idle")
    page.get_by_role("button", name="Go live").click()
    is_now(page, "live")
    is_now(viewer, "live")


@pytest.mark.parametrize(
    ("refused", "title"),
    [
        (refusals.bandwidth_exceeded(51 * GB, 50 * GB), "The streamer's bandwidth is used up"),
        (refusals.quota_exceeded(), "The stream's free bandwidth is used up"),
    ],
    ids=lambda one: one.code if not isinstance(one, str) else "",
)
@pytest.mark.long
def test_a_stream_that_ends_by_its_quota_says_so(
    live: tuple[FakeApi, Page], viewer: Page, refused: refusals.Refused, title: str
) -> None:
    """The node only knows that it is over; why, the API tells to the next offer."""
    api, _ = live
    api.refuse("whep", refused)
    api.refuse("whip", refused)

    api.order(reason=refused.code.value, account="demo")

    expect(viewer.get_by_role("alert")).to_contain_text(title)
    is_now(viewer, "refused")


@pytest.mark.long
def test_a_publisher_reads_what_is_wrong_with_what_it_sends(live: tuple[FakeApi, Page]) -> None:
    """In the words of the API, as long as it says so."""
    api, page = live
    shown = page.get_by_label("Problems that the server sees")
    expect(shown).to_be_hidden()
    state = {"stream_id": STREAM, "live": True, "viewers": 0, "limit": 20, "since": 1.0}
    api.streams[STREAM] = {**state, "problems": [{"code": "B_FRAMES", "say": "Set B-frames to 0 in your encoder."}]}

    expect(shown).to_have_text("Set B-frames to 0 in your encoder.", timeout=10_000)
    api.streams[STREAM] = {**state, "problems": []}
    expect(shown).to_be_hidden(timeout=10_000)
