"""One way to drive both browsers: a tab that goes somewhere, evaluates JavaScript and waits for something to be true."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from playwright.async_api import Page, async_playwright

from tests.browser.chromium import FLAGS, executable
from tests.clients import firefox

Name = Literal["chromium", "firefox"]


class Tab(Protocol):
    """A page of any browser."""

    async def goto(self, url: str) -> None:
        """Load *url* and wait for it."""

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """What a JavaScript function gives for *argument*."""

    async def until(self, condition: str, argument: object = None, seconds: float = 60) -> Any:
        """What *condition* gives, once that is true."""


@dataclass(frozen=True)
class ChromiumTab:
    """A page of Playwright's with the few methods that both browsers have."""

    page: Page

    async def goto(self, url: str) -> None:
        """Load *url* and wait for it."""
        await self.page.goto(url)

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """What *function* gives for *argument*."""
        return await self.page.evaluate(function, argument)

    async def until(self, condition: str, argument: object = None, seconds: float = 60) -> Any:
        """What *condition* gives, once that is true."""
        handle = await self.page.wait_for_function(condition, arg=argument, timeout=seconds * 1e3, polling=100)
        return await handle.json_value()


class Browsers:
    """Starts each browser when it is first asked for."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._firefox: firefox.Firefox | None = None
        self._chromium: Any = None

    async def tab(self, name: Name) -> Tab:
        """An empty tab of the browser *name*."""
        if name == "firefox":
            if self._firefox is None:
                self._firefox = await self._stack.enter_async_context(firefox.running())
            return await self._firefox.new_tab()
        if self._chromium is None:
            path = executable()
            assert path, "No Chromium was found; `make test-clients` installs it, or set CHROMIUM to its path."
            playwright = await self._stack.enter_async_context(async_playwright())
            self._chromium = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
            self._stack.push_async_callback(self._chromium.close)
        context = await self._chromium.new_context()
        return ChromiumTab(await context.new_page())


@asynccontextmanager
async def browsers() -> AsyncIterator[Browsers]:
    """Browsers for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        yield Browsers(stack)
