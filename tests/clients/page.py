"""What a person does on our page, in any browser: go live, watch, and look at what plays."""

import asyncio
from typing import Any

import aiohttp

from tests.clients.tabs import Tab

Stack = dict[str, Any]

GO_LIVE = """
({key, codec, source}) => {
  const set = (id, value) => {
    const field = document.getElementById(id);
    field.value = value;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    field.dispatchEvent(new Event('change', {bubbles: true}));
    return field.value === value;
  };
  const done = [set('resolution', '360p'), set('codec', codec), set('stream-key', key)];
  document.getElementById(`source-${source}`).click();
  document.getElementById('go-live').click();
  return done.every(Boolean);
}
"""
STATE = "(id) => document.getElementById(id).dataset.state"
IS = "([id, state]) => document.getElementById(id).dataset.state === state"
FRAMES = "() => Number(document.getElementById('watch-stats').dataset.frames || 0)"
MORE_FRAMES = "(count) => Number(document.getElementById('watch-stats').dataset.frames || 0) >= count"
SOUND = "() => Number(document.getElementById('watch-stats').dataset.audioEnergy || 0) > 0.001"
STATS = "() => document.getElementById('watch-stats').innerText"


def account(stack: Stack, name: str) -> dict[str, Any]:
    """The demo account whose name begins with *name*."""
    return next(one for one in stack["accounts"] if one["account"].startswith(name))


async def publish(tab: Tab, stack: Stack, key: dict[str, str], codec: str = "auto", source: str = "pattern") -> None:
    """Go live in 360p: this machine encodes and decodes in software."""
    await tab.goto(stack["page"])
    await tab.until("(codec) => [...document.getElementById('codec').options].some((o) => o.value === codec)", codec)
    wanted = {"key": key["stream_key"], "codec": codec, "source": source}
    assert await tab.evaluate(GO_LIVE, wanted)
    await tab.until(IS, ["publish-stage", "live"])


async def live(stack: Stack, key: dict[str, str], seconds: float = 20) -> None:
    """Wait until the control plane says that the stream is live."""
    async with asyncio.timeout(seconds), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{stack['api']}/v1/streams/{key['stream_id']}") as answer:
                if (await answer.json())["live"]:
                    return
            await asyncio.sleep(0.2)


async def stop(tab: Tab) -> None:
    """Press the button that ends publishing."""
    await tab.evaluate("() => document.getElementById('go-live').click()")
    await tab.until(IS, ["publish-stage", "idle"])


async def watch(tab: Tab, stack: Stack, stream: str) -> None:
    """Open the watch link and wait for the first frame."""
    await tab.goto(f"{stack['page'].rstrip('/')}/watch/{stream}")
    await tab.until(IS, ["watch-stage", "playing"])


async def sees(tab: Tab, frames: int = 60) -> str:
    """Wait until *frames* further frames were decoded; what the page says of the stream."""
    before = await tab.evaluate(FRAMES)
    await tab.until(MORE_FRAMES, before + frames)
    return str(await tab.evaluate(STATS))


async def hears(tab: Tab) -> None:
    """Unmute, and wait for sound that is more than silence."""
    await tab.evaluate("() => document.getElementById('unmute').click()")
    await tab.until(SOUND)
