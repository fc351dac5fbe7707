"""What people paste: keys with what a chat adds, secrets in the wrong field, ids where a key belongs."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from functions.public.assets import load
from shared import refusals
from tests.browser.fake_api import ANONYMOUS_KEY, KEY, STREAM, TOKEN, FakeApi
from tests.browser.test_access import owner

pytestmark = pytest.mark.browser

INVISIBLE = [
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u00a0", "\u202f", "\u2009", "\u3000", "\u2028",
    "\u2029", "\u200e", "\u202a", "\u2066", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180e", "\u3164", "\ufe0f",
    "\U000e0001", "\U000e0041", "\t", "\r\n", " ", "\x00", "\x7f", "\x85",
]  # fmt: skip
OPENED = "“\u2018\"'`«<(*„"
CLOSED = "”\u2019\"'\u00b4»>)*“"
MIDDLE = len(KEY) // 2

# text, what it is, and what of it is used
PASTED: list[tuple[str, str, Any]] = [
    *((f"{one}{KEY}{one}", "key", KEY) for one in INVISIBLE),
    *((f"{KEY[:MIDDLE]}{one}{KEY[MIDDLE:]}", "key", KEY) for one in INVISIBLE),
    *((f"{a}{KEY}{b}", "key", KEY) for a, b in zip(OPENED, CLOSED, strict=True)),
    (f"my key: {KEY}", "key", KEY),
    (f"{KEY}, keep it secret.", "key", KEY),
    (f"https://example.org/{KEY}/whip", "key", KEY),
    (KEY.upper(), "key", KEY),
    ("".join(chr(ord(one) + 0xFEE0) for one in KEY), "key", KEY),
    (ANONYMOUS_KEY, "key", ANONYMOUS_KEY),
    (f"\u200b{TOKEN}\n", "token", TOKEN),
    (f"{STREAM}\u200b", "stream", STREAM),
    (f"“{STREAM}”", "stream", STREAM),
    (f"https://example.org/watch/{STREAM}\u00a0", "stream", STREAM),
    ("live_abc", "cut-key", 3),
    (KEY + "a", "cut-key", 33),
    (KEY[:-1] + "\u0430", "cut-key", 32),  # a Cyrillic letter that looks like ours
    ("live_" + "1" * 32, "cut-key", 32),
    ("acct_abc", "cut-token", 3),
    ("ключ", "other", "ключ"),
    ("\U0001f600", "other", "\U0001f600"),
    ("hunter2", "other", "hunter2"),
    ("", "nothing", ""),
    ("\u200b \ufeff", "nothing", ""),
]


def test_what_was_pasted_is_known_by_its_shape(page: Page, api: FakeApi) -> None:
    """What cannot be seen is taken away, whatever it is and wherever it stands; the rest is named, never guessed."""
    page.goto(api.url)
    found = page.evaluate(
        "async ([file, texts]) => { const { pasted } = await import(file); return texts.map(pasted); }",
        [f"/assets/{load().version}/text/pasted.js", [text for text, *_ in PASTED]],
    )

    wrong = [
        (text, one)
        for (text, kind, value), one in zip(PASTED, found, strict=True)
        if one != {"kind": kind, "value": value}
    ]
    assert wrong == []


@pytest.mark.parametrize("text", [f"\u200b{KEY}", f"{KEY[:20]}\u00ad{KEY[20:]}\u00a0", f"“{KEY}”"], ids=ascii)
def test_a_key_from_a_chat_publishes(page: Page, api: FakeApi, text: str) -> None:
    """It reaches the server as it was given out."""
    api.refuse("whip", refusals.invalid_key())
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(text)
    page.get_by_role("button", name="Go live").click()

    expect(page.get_by_role("alert")).to_contain_text("Invalid stream key")
    assert [one.authorization for one in api.asked("/whip")] == [f"Bearer {KEY}"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "title", "says"),
    [
        ("ключ", "This is not a stream key", "begins with live_"),
        ("hunter2", "This is not a stream key", "begins with live_"),
        ("live_abc", "This is not a whole stream key", "here there are 3"),
        (KEY[:-1] + "\u0430", "This is not a whole stream key", "none that we give out"),
        (TOKEN, "This is an account token", "The key begins with live_"),
        ("acct_abc", "This is an account token, and not a whole one", "The key begins with live_"),
        (STREAM, "This is a stream id", "Viewers use it"),
        (f"https://example.org/watch/{STREAM}", "This is a stream id", "begins with live_"),
    ],
    ids=ascii,
)
def test_what_is_no_key_is_said_and_sent_nowhere(page: Page, api: FakeApi, text: str, title: str, says: str) -> None:
    """Not 'the server could not be reached', and above all not a secret of another kind in a request."""
    page.goto(api.url)
    page.get_by_label("Stream key", exact=True).fill(text)
    page.get_by_role("button", name="Go live").click()

    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading")).to_have_text(title)
    expect(alert).to_contain_text(says)
    expect(page.get_by_label("Stream key", exact=True)).to_have_attribute("aria-invalid", "true")
    assert api.asked("/whip") == []


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (KEY, "This is a stream key"),
        (STREAM, "This is a stream id"),
        ("acct_abc", "This is not a whole account token"),
        ("пароль", "This is not an account token"),
    ],
    ids=ascii,
)
def test_what_is_no_token_is_said_and_sent_nowhere(page: Page, api: FakeApi, text: str, title: str) -> None:
    """The other field that takes a secret."""
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(text)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(title)
    assert api.asked("/v1/account", "GET") == []


def test_a_token_from_a_chat_shows_the_account(page: Page, api: FakeApi) -> None:
    """Likewise without what nobody sees."""
    api.account = owner()
    page.goto(f"{api.url}/#overview")
    page.locator("#account-token").fill(f"\u200b{TOKEN[:20]}\u00ad{TOKEN[20:]}\u00a0")
    page.keyboard.press("Enter")

    expect(page.locator("#account-name")).to_have_text("solo-demo")
    assert {one.authorization for one in api.asked("/v1/account", "GET")} == {f"Bearer {TOKEN}"}
