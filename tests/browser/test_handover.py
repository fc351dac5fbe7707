"""Our page over a node that is drained: it publishes on, and watches on, at the other one."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from local.process.processes import ROOT
from tests.browser.test_stack import account, frames, is_live, is_playing, publish, stop, watch

pytestmark = [pytest.mark.clients, pytest.mark.browser, pytest.mark.stack]

BLACK = """() => {
  const video = document.querySelector("#player");
  window.gaps = [];
  let last = performance.now();
  const step = () => { window.gaps.push(performance.now() - last); last = performance.now(); video.requestVideoFrameCallback(step); };
  video.requestVideoFrameCallback(step);
}"""


def operator(stack: dict[str, Any], node: str, verb: str) -> None:
    """As an operator does it."""
    environ = {"PORT": str(urlsplit(stack["api"]).port), "PATH": "/usr/bin:/bin", "PYTHONPATH": "operator"}
    command = [sys.executable, "-m", "sluice", "nodes", verb, node]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)


def test_the_page_follows_a_drain_within_two_seconds(new_page: Callable[..., Page], stack: dict[str, Any]) -> None:
    """Publisher and viewer end up at the other node without a hand; between two frames there are 2 s at most."""
    key = account(stack, "creator")["keys"][1]
    publisher, viewer = new_page(), new_page()
    posted: list[str] = []
    publisher.on("response", lambda response: posted.append(response.url) if response.status == 201 else None)
    publish(publisher, stack, key)
    is_live(publisher)
    node = next(one for one in stack["nodes"] if posted[-1].startswith(one["url"]))
    watch(viewer, stack, key["stream_id"])
    is_playing(viewer)
    viewer.evaluate(BLACK)
    viewer.wait_for_function("() => window.gaps.length > 10")

    operator(stack, node["id"], "drain")
    try:
        with publisher.expect_response(lambda response: response.status == 201, timeout=10_000):
            pass
        assert not posted[-1].startswith(node["url"])
        is_live(publisher)
        before = frames(viewer)
        viewer.wait_for_function(
            "before => { const now = Number(document.querySelector('#watch-stats').dataset.frames);"
            " return now > 30 && now !== before; }",
            arg=before,
        )
        is_playing(viewer)
        gap = max(viewer.evaluate("window.gaps"))
    finally:
        operator(stack, node["id"], "undrain")
    assert gap <= 2000
    stop(publisher)
