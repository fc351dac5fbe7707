"""A node tries its own announced addresses, by real packets over IPv4 and IPv6."""

import asyncio
import logging
import secrets
import socket
from ipaddress import ip_address

import pytest

from sfu.negotiation import Candidate
from sfu.node.selftest import Reached, SelfTest, reaches
from tests.sfu.media_harness import new_plane


@pytest.mark.parametrize(
    ("bind", "addresses"),
    [("127.0.0.1", ["127.0.0.1"]), (str(ip_address(0)), ["127.0.0.1"]), ("::1", ["::1"]), ("::", ["127.0.0.1", "::1"])],
)
async def test_it_reaches_itself_over_both_families(bind: str, addresses: list[str]) -> None:
    """A dual-stack socket by either; and the check leaves nothing behind."""
    plane = new_plane(bind)
    await plane.start()
    port = plane.local.candidates[0].port
    try:
        tried = SelfTest([Candidate(address, port) for address in addresses], plane.own, secrets.token_bytes)
        await tried.try_all()
        assert [result.reachable for result in tried.results] == [True] * len(addresses)
        assert plane.stats.dropped_stun == 0
        assert plane.load().viewers == 0
        assert not await reaches(Candidate(addresses[0], port), plane.new_credentials(), secrets.token_bytes)
    finally:
        await plane.close()


async def test_what_was_not_reached_is_said_with_what_to_open(caplog: pytest.LogCaptureFixture) -> None:
    """A port where nobody answers, and an address that does not lead here; said once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        plane = new_plane()
        tried = SelfTest([Candidate("127.0.0.1", port)], plane.own, secrets.token_bytes)
        with caplog.at_level(logging.WARNING):
            await tried.try_all()
            await tried.try_all()

    (state,) = tried.state()
    assert (state["address"], state["reachable"]) == (f"127.0.0.1:{port}", False)
    assert f"open UDP {port} to 127.0.0.1 for everybody" in state["advice"]
    assert [record.message for record in caplog.records] == [state["advice"]]


async def test_it_is_tried_again_while_the_node_runs() -> None:
    """The first result is there soon after the start, and `run` does not end."""
    plane = new_plane()
    await plane.start()
    tried = SelfTest(plane.local.candidates, plane.own, secrets.token_bytes)
    assert tried.state()[0]["reachable"] is None
    running = asyncio.create_task(tried.run())
    try:
        async with asyncio.timeout(5):
            while tried.results[0].reachable is None:  # noqa: ASYNC110  # another task answers
                await asyncio.sleep(0.01)
        assert tried.results[0].reachable
        assert not running.done()
    finally:
        running.cancel()
        await plane.close()


def test_addresses_are_written_as_in_urls() -> None:
    """IPv6 addresses stand in brackets."""
    assert Reached(Candidate("2001:db8::7", 8189)).text == "[2001:db8::7]:8189"
    assert Reached(Candidate("192.0.2.7", 8189)).text == "192.0.2.7:8189"
