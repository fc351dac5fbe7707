"""A stock Firefox through our page, our functions' redirect and a node: as publisher, as viewer, beside Chromium."""

import pytest

from tests.clients import page
from tests.clients.tabs import Browsers, Name

pytestmark = [pytest.mark.clients, pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("publisher", "viewer", "codec"),
    [
        ("firefox", "chromium", "VP8"),
        ("firefox", "firefox", "VP8"),
        ("firefox", "chromium", "VP9"),
        ("chromium", "firefox", "VP8"),
        ("chromium", "firefox", "VP9"),
    ],
)
async def test_what_one_browser_publishes_another_sees_and_hears(
    lan: page.Stack, browser: Browsers, publisher: Name, viewer: Name, codec: str
) -> None:
    """Frames are decoded in the codec that was chosen, and the tone is more than silence."""
    key = page.account(lan, "studio")["keys"][0]
    live = await browser.tab(publisher)
    # Without a sound card Firefox's AudioContext, the test pattern's tone, stands still; its fake microphone does not.
    await page.publish(live, lan, key, codec, "camera" if publisher == "firefox" else "pattern")
    watching = await browser.tab(viewer)
    await page.watch(watching, lan, key["stream_id"])

    assert codec in await page.sees(watching)
    await page.hears(watching)
    await page.stop(live)
