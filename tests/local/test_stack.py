"""A stack's own part in its life, without its children."""

import os
from pathlib import Path

from local.process.log import StackLog
from local.settings import StackSettings
from local.stack import Stack
from local.summary import Summary
from tests.ports import free_ports


async def test_a_node_that_comes_back_at_the_end_does_not_bring_the_file_back(tmp_path: Path, log: StackLog) -> None:
    """The file for programs goes first, and the nodes are watched until they are ended."""
    settings = StackSettings.from_env({"PORT": str(free_ports())}).model_copy(update={"state": tmp_path})
    async with Stack(settings, log) as stack:
        await stack._announce(Summary(settings.api_url, [], stack._nodes, "http://127.0.0.1:1", os.getpid()))
        settings.stack_file.unlink()
        stack._rewrite()
        assert settings.stack_file.exists()
    stack._rewrite()
    assert not settings.stack_file.exists()
