"""The first picture of a stack that has just started, FFmpeg publishing: nothing is warm, and it must not be felt."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from local.process.processes import ROOT
from local.setup.environments import DEMO, prepare
from tests.browser.test_stack import account, is_playing, joins, watch
from tests.conftest import running_stack
from tests.ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.alone]


def test_the_first_join_of_a_new_stack_takes_less_than_a_second(new_page: Callable[..., Page], tmp_path: Path) -> None:
    """`make up`, `make demo`, and the watch link opened at once: the very first, not the best of several."""
    prepare((DEMO,), print)  # outside `make test` it may be missing still
    port = free_ports()
    with running_stack(port, tmp_path / "output") as (_, stack):
        command = ["make", "demo", f"PORT={port}", "SECONDS=30"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
            assert demo.stdout is not None
            assert any("/watch/" in line for line in demo.stdout), "the demo never said that it publishes"
            viewer = new_page()

            watch(viewer, stack, account(stack, "studio")["keys"][-1]["stream_id"])
            is_playing(viewer)

            assert 0 < joins(viewer, 1)[0] < 1000
            demo.terminate()
