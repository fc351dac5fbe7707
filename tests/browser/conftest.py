"""A Chromium for the session, and pages of which every console error and policy violation is a failure."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, executable
from tests.browser.fake_api import FakeApi

DESKTOP = (1280, 800)
PHONE = (360, 740)

expect.set_options(timeout=20_000)  # for what a page comes to be in the end; claims of time are made by clocks


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a module; not of the session, because Playwright's synchronous API keeps an event
    loop running, and asynchronous tests elsewhere need their own.
    """
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        yield chromium
        chromium.close()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """A control plane that answers by script."""
    with FakeApi() as fake:
        yield fake


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages of their own context; at the end none of them may have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A request that was refused or failed is a line in the browser's console whatever a page does with it.
        refused = message.text.startswith("Failed to load resource:")
        if message.type in {"error", "warning"} and not refused:
            complaints.append(message.text)

    def make(size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
        )
        context.on("console", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """One page at the size of a desktop."""
    return new_page()


def stop_the_clock(page: Page) -> None:
    """Let the page's time pass only by `page.clock.run_for`, however slow the machine is."""
    page.clock.install(time=1_795_532_400)
    page.clock.pause_at(1_795_536_000)  # an hour on: until it is paused the clock runs, and it cannot be put back
