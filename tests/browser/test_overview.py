"""What the stack sees: a stream by its id, and the owner's account by its token."""

import pytest
from playwright.sync_api import Page, expect

from shared import refusals
from tests.browser.fake_api import STREAM, TOKEN, FakeApi
from tests.browser.test_access import owner

pytestmark = pytest.mark.browser


def test_anybody_can_look_up_a_stream(page: Page, api: FakeApi) -> None:
    """Live or not, and how many watch."""
    api.streams[STREAM] = {"stream_id": STREAM, "live": True, "viewers": 3, "limit": 20, "since": 1.0}
    page.goto(f"{api.url}/#overview")
    page.locator("#lookup-id").fill(f"{api.url}/watch/{STREAM}")
    page.keyboard.press("Enter")

    expect(page.locator("#stream-live")).to_have_text("Live")
    expect(page.locator("#stream-facts")).to_contain_text("3 of 20")
    expect(page.locator("#lookup-status")).to_have_text("The stream is live with 3 viewers.")


def test_a_stream_that_is_not_there_is_said_so(page: Page, api: FakeApi) -> None:
    """STREAM_NOT_FOUND is shown in words."""
    api.refuse("stream", refusals.stream_not_found())
    page.goto(f"{api.url}/#overview")
    page.locator("#lookup-id").fill(STREAM)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("There is no such stream")


def test_the_owner_sees_usage_against_quota_live_streams_and_keys(page: Page, api: FakeApi) -> None:
    """One token shows all of it at once."""
    api.account = owner()
    api.keys = [{"stream_key": "live_…", "stream_id": STREAM, "label": "main camera", "created": 1.0, "live": True}]
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.locator("#account-name")).to_have_text("solo-demo")
    expect(page.locator("#account-tier")).to_have_text("Solo Creator")
    expect(page.locator("#usage-text")).to_have_text("423 GB of 500 GB")
    expect(page.locator("#usage-percent")).to_have_text("84.7 %")
    expect(page.locator("#usage-note")).to_contain_text("1")
    expect(page.locator("#live-streams tr").first).to_contain_text("12 of 30")
    expect(page.locator("#account-keys")).to_contain_text("main camera")
    assert {f"Bearer {TOKEN}"} == {one.authorization for one in api.asked("/v1/account", "GET")}


def test_the_owner_sees_why_an_encoder_was_turned_away(page: Page, api: FakeApi) -> None:
    """Code with a link to its explanation, key, protocol and network; a key without a label by its stream."""
    api.account = owner()
    said = {"at": 1795532400.0, "code": "KEY_ALREADY_IN_USE", "protocol": "whip", "address": "203.0.113.0/24"}
    api.refusals = [{**said, "stream_id": STREAM, "label": "studio"}, {**said, "stream_id": STREAM, "label": ""}]
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.locator("#account-refusals tr")).to_have_count(2)
    first, second = page.locator("#account-refusals tr").all()
    expect(first).to_contain_text("studio")
    expect(first).to_contain_text("203.0.113.0/24")
    expect(first.get_by_role("link", name="KEY_ALREADY_IN_USE")).to_have_attribute("href", "/docs#KEY_ALREADY_IN_USE")
    expect(second).to_contain_text(STREAM)


def test_the_owner_sees_where_the_bytes_went(page: Page, api: FakeApi) -> None:
    """By day and by stream, each with a bar; what no report assigned is said so."""
    api.account = owner()
    both = {"received": 0, "sent": 0}
    api.usage = {
        "month": "2026-11", "bytes": 12_000_000_000, "received": 2_000_000_000, "sent": 10_000_000_000, "quota_bytes": 1,
        "days": [
            {"day": "2026-11-23", "bytes": 3_000_000_000, **both}, {"day": "2026-11-24", "bytes": 9_000_000_000, **both},
        ],
        "streams": [
            {"stream_id": STREAM, "label": "studio", "bytes": 8_000_000_000, **both},
            {"stream_id": None, "label": "", "bytes": 4_000_000_000, **both},
        ],
    }  # fmt: skip
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.locator("#usage-month")).to_have_text("12 GB in 2026-11: 2 GB received, 10 GB sent.")
    days, streams = page.locator("#usage-days tr"), page.locator("#usage-streams tr")
    expect(days).to_have_count(2)
    expect(days.nth(0)).to_contain_text("23")
    expect(days.nth(0)).to_contain_text("3 GB")
    assert [bar.get_attribute("value") for bar in page.locator("#usage-days meter").all()] == [str(1 / 3), "1"]
    expect(streams.nth(0)).to_contain_text("studio")
    expect(streams.nth(1)).to_contain_text("Not assigned")


def test_the_owner_asks_whether_a_key_would_work_now(page: Page, api: FakeApi) -> None:
    """Publishing and watching, with every check in words; nothing is published for it."""
    api.account = owner()
    api.keys = [{"stream_key": "live_…", "stream_id": STREAM, "label": "studio", "created": 1.0, "live": True}]
    refused = refusals.key_already_in_use("node1")
    base = {"protocol": "whip", "stream_id": STREAM, "waits_seconds": 0, "node": None, "region": None}
    api.dry_runs = {
        "publish": {
            **base, "action": "publish", "would": "refuse", "status": 409, "retry_after": 7, "refusal": refused.body(),
            "checks": [
                {"check": "key", "passed": True, "saw": "It is valid."},
                {"check": "key_in_use", "passed": False, "saw": "A publisher on node1 was heard 0.2 s ago."},
                {"check": "stream_limit", "passed": None, "saw": "0 of 4 are taken."},
            ],
        },
        "play": {
            **base, "action": "play", "protocol": "whep", "would": "admit", "status": None, "retry_after": None,
            "refusal": None, "node": "node1", "region": "local", "checks": [],
        },
    }  # fmt: skip
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Would it work now?").click()

    said = page.locator("#dry-run")
    expect(said).to_be_focused()
    expect(said).to_contain_text(
        "Publishing by WHIP would be refused: Stream key already in use. KEY_ALREADY_IN_USE Try again in 7 s."
    )
    expect(said).to_contain_text("Watching by WHEP would be admitted on node1 (local).")
    expect(said.locator("li").nth(1)).to_contain_text("Key in use failed. A publisher on node1 was heard 0.2 s ago.")
    expect(said.locator("li").nth(2)).to_contain_text("Streams at a time not asked.")
    assert len(api.asked("/v1/account/dry-run")) == 2
    assert api.asked("/whip") == []


def test_a_wrong_token_is_refused_in_words_and_the_field_keeps_focusable(page: Page, api: FakeApi) -> None:
    """401 UNAUTHORIZED, and the way back to the field."""
    api.account = refusals.unauthorized()
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Wrong account token")
    page.get_by_role("button", name="Edit the token").click()
    expect(page.locator("#account-token")).to_be_focused()
    expect(page.locator("#account")).to_be_hidden()


def test_the_token_is_forgotten_on_demand_and_never_stored(page: Page, api: FakeApi) -> None:
    """A shared computer keeps nothing."""
    api.account = owner()
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#account")).to_be_visible()
    assert TOKEN not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])") + page.url

    page.get_by_role("button", name="Forget the token").click()

    expect(page.locator("#account")).to_be_hidden()
    expect(page.locator("#account-token")).to_have_value("")
    assert TOKEN not in page.content()


B_FRAMES = {"code": "B_FRAMES", "say": "Set B-frames to 0 in your encoder."}


def test_a_problem_of_a_stream_is_said_where_it_is_looked_up_and_among_the_refusals(page: Page, api: FakeApi) -> None:
    """OBS and FFmpeg show their streamer nothing: this is where he reads what to set."""
    api.streams[STREAM] = {
        "stream_id": STREAM, "live": True, "viewers": 3, "limit": 20, "since": 1.0, "problems": [B_FRAMES],
    }  # fmt: skip
    api.account = owner()
    api.refusals = [
        {
            "at": 1795532400.0, "code": "UNSUPPORTED_OFFER", "protocol": "whip", "address": "", "stream_id": STREAM,
            "label": "studio", "problem": B_FRAMES["code"], "say": B_FRAMES["say"],
        }
    ]  # fmt: skip
    page.goto(f"{api.url}/#overview")
    page.locator("#lookup-id").fill(STREAM)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Problems of the stream")).to_have_text(B_FRAMES["say"])
    page.locator("#account-token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#account-refusals tr")).to_contain_text(B_FRAMES["say"])

    api.streams[STREAM] = {**api.streams[STREAM], "problems": []}
    page.locator("#lookup-id").press("Enter")
    expect(page.get_by_label("Problems of the stream")).to_be_hidden()


def test_a_viewer_of_a_stream_that_was_ended_for_what_it_sends_is_told_so(page: Page, api: FakeApi) -> None:
    """The viewer can do nothing about it, and need not look for the fault at home."""
    api.streams[STREAM] = {
        "stream_id": STREAM, "live": False, "viewers": 0, "limit": 20, "since": None, "problems": [B_FRAMES],
    }  # fmt: skip
    api.refuse("whep", refusals.stream_offline())
    page.goto(f"{api.url}/watch/{STREAM}")

    expect(page.locator("#watch-status")).to_contain_text("encoder sends what browsers cannot show", timeout=15_000)
