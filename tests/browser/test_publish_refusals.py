"""What a person who publishes is told, code by code, and which ways on there are."""

import re

import pytest
from playwright.sync_api import Page, expect

from functions.public.api.endpoints import LISTED
from functions.public.assets import load
from shared import refusals
from shared.months import GB
from shared.refusals import Refused
from tests.browser.conftest import stop_the_clock
from tests.browser.fake_api import ANONYMOUS_KEY, ANONYMOUS_STREAM, KEY, FakeApi

pytestmark = pytest.mark.browser

COUNTDOWN = re.compile(r"\(in \d+ s\)")

# refusal, what the title says, what the text says, the buttons in order
EXPLAINED = [
    (refusals.invalid_key(), "Invalid stream key", "Check it on your dashboard", ["Edit the key"]),
    (
        refusals.stream_limit_reached(1, 1),
        "Your account limit was reached",
        "Retry with free servers?",
        ["Retry with free servers", "Try again", "Not now"],
    ),
    (
        refusals.bandwidth_exceeded(50_100_000_000, 50 * GB),
        "Your account limit was reached",
        "100.2 % of this month's bandwidth. Retry with free servers?",
        ["Retry with free servers", "Not now"],
    ),
    (
        refusals.key_already_in_use("node1"),
        "This key is active elsewhere",
        "Override them, or use a different key?",
        ["Override", "Use a different key"],
    ),
    (refusals.protocol_not_allowed("rtmp", "anonymous"), "RTMP needs an account", "Sign in", ["Use a different key"]),
    (refusals.quota_exceeded(), "The free bandwidth is used up", "next month", ["Use a different key"]),
    (
        refusals.unsupported_offer("No common codec."),
        "The server cannot take this format",
        "No common codec. Another codec may work.",
        ["Choose another codec", "Try again"],
    ),
    (refusals.rate_limited(7), "Too many attempts", "asks for a pause", ["Try again (in … s)", "Stop trying"]),
    (refusals.no_capacity(), "All servers are busy", "tries again by itself", ["Try again", "Stop trying"]),
    (refusals.draining(), "That server is being replaced", "another one", ["Try again", "Stop trying"]),
    (refusals.unavailable(), "The service cannot decide right now", "by itself", ["Try again", "Stop trying"]),
    (refusals.invalid_grant(), "The permission ran out on the way", "a fresh one", ["Try again"]),
    (
        refusals.invalid_request("The body is empty. Send an SDP offer."),
        "The server did not understand the request",
        "The body is empty. Send an SDP offer.",
        ["Try again"],
    ),
]


def refused_page(page: Page, api: FakeApi, *answers: Refused) -> Page:
    """The publish view after a try that met *answers*."""
    api.refuse("whip", *answers)
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


@pytest.mark.parametrize(("refused", "title", "text", "buttons"), EXPLAINED, ids=[one[0].code for one in EXPLAINED])
def test_a_refusal_is_explained_with_its_recommended_fallback(
    page: Page, api: FakeApi, refused: Refused, title: str, text: str, buttons: list[str]
) -> None:
    """Title and text are in plain words, the code is there for support, and the buttons are the contract's ways on."""
    stop_the_clock(page)  # or a page that tries again by itself does so while we look
    alert = refused_page(page, api, refused).get_by_role("alert")

    expect(alert.get_by_role("heading")).to_have_text(title)
    expect(alert).to_contain_text(text)
    expect(alert).to_contain_text(refused.code)
    assert buttons == [COUNTDOWN.sub("(in … s)", text) for text in alert.get_by_role("button").all_inner_texts()]
    expect(page.locator("#publish-stage")).to_have_attribute("data-state", "idle")


@pytest.mark.parametrize(("place", "suffixes"), [("publish", ("/whip",)), ("watch", ("/whep",))])
def test_every_code_that_an_endpoint_can_answer_has_its_own_words(
    page: Page, api: FakeApi, place: str, suffixes: tuple[str, ...]
) -> None:
    """A code that is added to an endpoint and not to the page fails here, instead of saying nothing to a person."""
    page.goto(api.url)
    explained = set(
        page.evaluate(
            "async ([file, place]) => (await import(file)).explainedCodes(place)",
            [f"/assets/{load().version}/text/refusals.js", place],
        )
    )

    possible = {code for one in LISTED if one.path.endswith(suffixes) for code in one.refusals}
    assert possible - explained == set()


def test_an_invalid_key_is_never_retried_by_itself(page: Page, api: FakeApi) -> None:
    """The contract: do not retry automatically."""
    stop_the_clock(page)
    refused_page(page, api, refusals.invalid_key())

    page.clock.run_for("10:00")

    assert len(api.asked("/whip")) == 1
    expect(page.get_by_label("Stream key", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_full_account_goes_on_with_the_free_servers(page: Page, api: FakeApi) -> None:
    """One click gets an anonymous key and publishes with it."""
    stop_the_clock(page)
    refused_page(page, api, refusals.stream_limit_reached(1, 1), refusals.no_capacity())

    page.get_by_role("button", name="Retry with free servers").click()

    expect(page.get_by_role("alert")).to_contain_text("All servers are busy")
    assert [f"Bearer {KEY}", f"Bearer {ANONYMOUS_KEY}"] == [one.authorization for one in api.asked("/whip")]
    expect(page.get_by_label("Watch link", exact=True)).to_have_value(f"{api.url}/watch/{ANONYMOUS_STREAM}")


def test_a_key_in_use_is_overridden_with_force(page: Page, api: FakeApi) -> None:
    """The retry has `?force=1`; the first try has not."""
    refused_page(page, api, refusals.key_already_in_use("node1"), refusals.invalid_key())

    page.get_by_role("button", name="Override").click()

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert [one.query for one in api.asked("/whip")] == [{}, {"force": "1"}]


@pytest.mark.parametrize(
    "busy", [refusals.no_capacity(), refusals.draining(), refusals.unavailable()], ids=lambda one: one.code
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_an_override_that_has_to_wait_stays_an_override(
    page: Page, api: FakeApi, busy: Refused, *, by_hand: bool
) -> None:
    """The person has answered the question: it is not asked again because a server was busy in between."""
    stop_the_clock(page)
    refused_page(page, api, refusals.key_already_in_use("node1"), busy, refusals.invalid_key())
    page.get_by_role("button", name="Override").click()
    expect(page.get_by_role("alert")).to_contain_text(busy.code)

    if by_hand:
        page.get_by_role("button", name="Try again").click()
    else:
        page.clock.run_for(6_000)

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert [one.query for one in api.asked("/whip")] == [{}, {"force": "1"}, {"force": "1"}]


def test_an_override_is_of_one_key(page: Page, api: FakeApi) -> None:
    """Another key that is put into the field meanwhile was never said to be overridden."""
    stop_the_clock(page)
    refused_page(page, api, refusals.key_already_in_use("node1"), refusals.no_capacity(), refusals.invalid_key())
    page.get_by_role("button", name="Override").click()
    expect(page.get_by_role("alert")).to_contain_text("NO_CAPACITY")
    page.get_by_label("Stream key", exact=True).fill(ANONYMOUS_KEY)

    page.clock.run_for(6_000)

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert [one.query for one in api.asked("/whip")] == [{}, {"force": "1"}, {}]


def test_a_damped_override_opens_when_the_server_allows_it(page: Page, api: FakeApi) -> None:
    """`Retry-After` on KEY_ALREADY_IN_USE counts down on the button."""
    stop_the_clock(page)
    refused_page(page, api, refusals.key_already_in_use("node1", 8))
    override = page.get_by_role("button", name="Override")
    expect(override).to_be_disabled()

    page.clock.run_for(9_000)

    expect(override).to_be_enabled()
    expect(override).to_have_text("Override")


def test_using_a_different_key_empties_the_field_and_goes_there(page: Page, api: FakeApi) -> None:
    """The other fallback of KEY_ALREADY_IN_USE."""
    refused_page(page, api, refusals.key_already_in_use("node1"))

    page.get_by_role("button", name="Use a different key").click()

    expect(page.get_by_label("Stream key", exact=True)).to_be_focused()
    expect(page.get_by_label("Stream key", exact=True)).to_have_value("")


def test_a_busy_fleet_is_asked_again_after_the_time_it_names(page: Page, api: FakeApi) -> None:
    """Waiting helps, so the page waits `Retry-After` and asks again without a person."""
    stop_the_clock(page)
    refused_page(page, api, refusals.no_capacity(), refusals.invalid_key())
    expect(page.get_by_role("alert")).to_contain_text("Trying again in 5 s")

    page.clock.run_for(4_000)
    assert len(api.asked("/whip")) == 1
    page.clock.run_for(2_000)

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert len(api.asked("/whip")) == 2


def test_a_server_that_is_away_is_told_apart_from_a_refusal(page: Page, api: FakeApi) -> None:
    """No answer at all is about the connection, and tries again."""
    page.route("**/whip", lambda route: route.abort())
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go live").click()

    expect(page.get_by_role("alert")).to_contain_text("The server could not be reached")


def test_without_a_key_a_free_one_is_offered(page: Page, api: FakeApi) -> None:
    """Going live with an empty field asks the server nothing and says what is missing."""
    page.goto(api.url)
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_role("alert")).to_contain_text("A stream key is needed")

    api.refuse("whip", refusals.no_capacity())
    page.get_by_role("button", name="Go live with a free key").click()

    expect(page.get_by_role("alert")).to_contain_text("All servers are busy")
    assert [f"Bearer {ANONYMOUS_KEY}"] == [one.authorization for one in api.asked("/whip")]


def test_a_refused_free_key_says_why(page: Page, api: FakeApi) -> None:
    """POST /v1/anonymous is rate-limited per address."""
    api.refuse("anonymous", refusals.rate_limited(30))
    page.goto(api.url)
    page.get_by_role("button", name="Get a free key").click()

    expect(page.get_by_role("alert")).to_contain_text("Too many attempts")
    expect(page.get_by_role("button", name="Try again")).to_be_disabled()


def test_going_live_with_a_free_key_is_what_a_second_try_does(page: Page, api: FakeApi) -> None:
    """The person asked to go on, not for a key: when the free one was refused at first, it still ends in a publish."""
    stop_the_clock(page)
    api.refuse("anonymous", refusals.rate_limited(3))
    refused_page(page, api, refusals.stream_limit_reached(1, 1), refusals.no_capacity())
    page.get_by_role("button", name="Retry with free servers").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts")

    page.clock.run_for(4_000)

    expect(page.get_by_role("alert")).to_contain_text("All servers are busy")
    assert [f"Bearer {KEY}", f"Bearer {ANONYMOUS_KEY}"] == [one.authorization for one in api.asked("/whip")]


def test_a_key_that_was_typed_meanwhile_goes_before_the_free_servers(page: Page, api: FakeApi) -> None:
    """What the page repeats by itself does not overwrite what the person did in between."""
    stop_the_clock(page)
    api.refuse("anonymous", refusals.unavailable())
    api.refuse("whip", refusals.invalid_key())
    page.goto(api.url)
    page.get_by_role("button", name="Go live", exact=True).click()
    page.get_by_role("button", name="Go live with a free key").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again")
    page.get_by_label("Stream key", exact=True).fill(KEY)

    page.clock.run_for(6_000)  # to the repetition, and not to the time limit of the offer

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert [f"Bearer {KEY}"] == [one.authorization for one in api.asked("/whip")]
    assert len(api.asked("/v1/anonymous")) == 1


def test_the_key_is_in_no_url_and_in_no_storage(page: Page, api: FakeApi) -> None:
    """A stream key travels in one header only."""
    refused_page(page, api, refusals.key_already_in_use("node1"), refusals.invalid_key())
    page.get_by_role("button", name="Override").click()
    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")

    stored = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    asked = "".join(one.path + str(one.query) + one.body for one in api.seen)
    assert KEY not in asked + page.url + stored
    expect(page.get_by_label("Stream key", exact=True)).to_have_attribute("type", "password")


def test_the_offer_has_one_video_and_one_audio_section_to_send(page: Page, api: FakeApi) -> None:
    """The test pattern is sent as picture and tone, in one bundle, `sendonly`."""
    refused_page(page, api, refusals.invalid_key())

    offer = api.asked("/whip")[0].body
    assert offer.count("\r\nm=video ") == 1
    assert offer.count("\r\nm=audio ") == 1
    assert offer.count("a=sendonly") == 2
    assert "a=group:BUNDLE 0 1" in offer


@pytest.mark.parametrize("codec", ["H264", "VP8", "VP9", "AV1"])
def test_the_chosen_codec_is_offered_first(page: Page, api: FakeApi, codec: str) -> None:
    """Codecs that this browser encodes can be chosen; the others stay behind it as a fallback."""
    api.refuse("whip", refusals.invalid_key())
    page.goto(api.url)
    page.get_by_label("Codec").select_option(codec)
    page.get_by_label("Stream key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_role("alert")).to_be_visible()

    lines = api.asked("/whip")[0].body.split("\r\n")
    first = next(line for line in lines if line.startswith("m=video")).split()[3]
    assert f"a=rtpmap:{first} {codec}/90000" in lines
