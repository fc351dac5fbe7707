"""`make up` as a user meets it: its table, its file, its end, and its refusals. Real processes throughout."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from local.ports import plan
from local.process.processes import ROOT
from local.settings import state_directory
from shared.months import GB
from shared.tiers import TIERS as TIER_LIMITS
from shared.tiers import Tier
from tests.conftest import running_stack
from tests.local.builders import answers, wait_for
from tests.peers.protocol.dtls import Identity
from tests.peers.protocol.sdp import Local, offer, parse_answer
from tests.peers.protocol.whip import Created, delete, post
from tests.ports import free_ports

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

ACCOUNTS = ["anonymous-demo", "registered-demo", "solo-demo", "creator-demo", "studio-demo", "bench"]
TIERS = ["anonymous", "registered", "solo_creator", "creator_plus", "studio_pro", "studio_pro"]


def make_up(port: int, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `make up` to its end."""
    arguments = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "up", f"PORT={port}", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def run_as_printed(command: str, stack: dict[str, Any]) -> None:
    """The operator's line of the table, pasted into a shell; and its neighbours, from elsewhere and for programs."""

    def run(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
        return subprocess.run(
            ["sh", "-c", line], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    done = run(command, ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["account", *sorted(account["account"] for account in stack["accounts"])]
    elsewhere = command.replace(".venv", f"{ROOT}/.venv").replace("accounts list", "--json nodes list")
    nodes = json.loads(run(elsewhere, Path("/")).stdout)["nodes"]
    assert {node["node"] for node in nodes} == {node["id"] for node in stack["nodes"]}
    refused = run(command.replace("accounts list", "accounts show nobody"), ROOT)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("NOT_FOUND: ")


def operator_commands(output: Path) -> list[str]:
    """The operator's line of a table, as soon as it was printed."""
    return re.findall(r"^  operator  (.+)\n", output.read_text(), re.MULTILINE)


def processes_of(stack: psutil.Process) -> list[psutil.Process]:
    """The supervisor and everything that it started."""
    return [stack, *stack.children(recursive=True)]


def test_the_file_for_programs_is_complete(stack: dict[str, Any]) -> None:
    """Every member of the contract, in the order and form that programs rely on."""
    assert list(stack) == ["api", "page", "accounts", "nodes", "emulator", "pid"]
    assert [account["tier"] for account in stack["accounts"]] == TIERS
    assert [account["account"] for account in stack["accounts"]] == ACCOUNTS
    for account in stack["accounts"]:
        assert set(account) == {"account", "tier", "token", "keys"}
        assert account["token"].startswith("acct_")
        assert len(account["keys"]) == 2
        for key in account["keys"]:
            assert set(key) == {"stream_key", "stream_id", "whip", "whep"}
            assert key["stream_key"].startswith("anon_" if account["tier"] == "anonymous" else "live_")
            assert key["whip"] == f"{stack['api']}/{key['stream_key']}/whip"
            assert key["whep"] == f"{stack['api']}/{key['stream_id']}/whep"
    assert [node["id"] for node in stack["nodes"]] == ["node1", "node2"]
    ports = plan(urlsplit(stack["api"]).port or 80).nodes
    for node, expected in zip(stack["nodes"], ports, strict=True):
        assert set(node) == {"id", "url", "udp", "metrics", "pid"}
        assert node["url"] == f"http://127.0.0.1:{expected.http}"
        assert node["udp"] == expected.udp
        assert node["metrics"] == f"http://127.0.0.1:{expected.metrics}/metrics"
    # As the file is now: a node that another test ended has been started again and is named anew.
    written = json.loads((state_directory(urlsplit(stack["api"]).port or 80) / "stack.json").read_text())
    assert all(psutil.pid_exists(node["pid"]) for node in written["nodes"])
    assert psutil.pid_exists(stack["pid"])


def test_the_account_of_the_benchmark_has_no_limit_in_its_way(stack: dict[str, Any]) -> None:
    """As its owner is told; the other accounts have their tiers'."""
    told = {}
    for account in stack["accounts"]:
        url, bearer = f"{stack['api']}/v1/account", {"Authorization": f"Bearer {account['token']}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=bearer), timeout=10) as answer:  # noqa: S310  # a URL from stack.json
            told[account["account"]] = json.load(answer)["limits"]
    assert told["bench"] == {
        "streams": 1000,
        "bytes": 1_000_000 * GB,
        "viewers": 1000,
        "kbps": 1_000_000,
        "protocols": ["hls", "rtmp", "srt", "whep", "whip"],
        "hls_embed": "anywhere",
    }
    assert {name: limits["viewers"] for name, limits in told.items() if name != "bench"} == {
        name: TIER_LIMITS[Tier(tier)].viewers for name, tier in zip(ACCOUNTS[:-1], TIERS, strict=False)
    }


def test_every_printed_address_answers(stack: dict[str, Any]) -> None:
    """The page, the public API, and both nodes' metrics."""
    urls = [stack["page"], f"{stack['api']}/v1/tiers", *(node["metrics"] for node in stack["nodes"])]
    assert [url for url in urls if not answers(url)] == []


def test_a_node_that_dies_is_started_again(stack: dict[str, Any]) -> None:
    """With a new process id, which stack.json tells."""
    port = int(stack["api"].rpartition(":")[2])
    file = state_directory(port) / "stack.json"

    def pid() -> int:
        found: int = json.loads(file.read_text())["nodes"][1]["pid"]
        return found

    before = pid()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: pid() != before)
    wait_for(lambda: answers(stack["nodes"][1]["metrics"].replace("metrics", "readyz")), 20)


def test_two_stacks_side_by_side_and_their_end(stack: dict[str, Any], tmp_path: Path) -> None:
    """The second one has its own ports, files and keys, and at its end nothing of it is left: the first one goes on."""
    port = free_ports()
    state = state_directory(port)
    with running_stack(port, tmp_path / "output") as (process, second):
        assert second["api"] != stack["api"]
        assert stat.S_IMODE((state / "stack.json").stat().st_mode) == 0o600
        everything = processes_of(psutil.Process(process.pid))
        assert len(everything) >= 10  # make, supervisor, emulator, six functions, two nodes
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert not [one for one in everything if one.is_running()]
    assert not (state / "stack.json").exists()
    assert answers(stack["page"])
    output = (tmp_path / "output").read_text()
    key = second["accounts"][1]["keys"][0]
    assert key["stream_key"] in output
    assert key["stream_key"] not in (state / "stack.log").read_text()

    with running_stack(port, tmp_path / "again") as (process, third):
        # The table is printed when stack.json is there, not before.
        wait_for(lambda: operator_commands(tmp_path / "again"))
        (printed,) = operator_commands(tmp_path / "again")
        run_as_printed(printed, third)
        # An OBS that was set up once keeps its key.
        assert third["accounts"] == second["accounts"]
        everything = processes_of(psutil.Process(process.pid))
        psutil.Process(third["pid"]).kill()
        # None stays; when the last of a dozen orphans has been seen and reaped is the machine's affair.
        _, alive = psutil.wait_procs(everything, timeout=20)
        assert not alive
        wait_for(lambda: not (state / "stack.json").exists(), 20)


def test_a_killed_make_takes_its_stack_along(tmp_path: Path) -> None:
    """`kill -9` of make leaves its supervisor an orphan, which ends by itself, in order."""
    with running_stack(free_ports(), tmp_path / "output") as (process, _):
        everything = processes_of(psutil.Process(process.pid))
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(everything, timeout=20)
        assert not alive


def test_another_address_is_announced_everywhere_and_ctrl_c_ends_it_all(tmp_path: Path) -> None:
    """Table, file, nodes and media name HOST; Ctrl-C, which a terminal sends to make too, leaves no process behind."""
    port, host, said = free_ports(), "127.0.0.2", tmp_path / "output"
    with said.open("w") as output:
        process = subprocess.Popen(
            ["make", "up", f"PORT={port}", f"HOST={host}"],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            # As at a terminal: what a shell runs in the background inherits that Ctrl-C is ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no lock is taken in it
        )  # fmt: skip
    everything = []
    try:
        wait_for(lambda: process.poll() is not None or "watching works from everywhere" in said.read_text(), 100)
        everything = processes_of(psutil.Process(process.pid))
        stack = json.loads((state_directory(port) / "stack.json").read_text())
        assert stack["api"] == f"http://{host}:{port}"
        assert [node["url"] for node in stack["nodes"]] == [f"http://{host}:{port + 2}", f"http://{host}:{port + 3}"]
        assert [node["metrics"] for node in stack["nodes"] if not answers(node["metrics"])] == []
        printed = said.read_text()
        assert f"  page      http://{host}:{port}/\n" in printed
        assert f"  node1     http://{host}:{port + 2}    media: udp {port + 4}" in printed
        assert f"Server: http://{host}:{port}/whip, Bearer" in printed
        created = asyncio.run(published(stack["accounts"][1]["keys"][0]))
        assert created.session.startswith(tuple(node["url"] for node in stack["nodes"]))
        assert created.headers["WHEP"] == stack["accounts"][1]["keys"][0]["whep"]
        assert {at for at, _ in parse_answer(created.answer).candidates} == {host}

        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT, "make says so of itself when it is interrupted"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
    assert said.read_text().endswith(
        "\nStopping; the nodes drain first. Ctrl-C again ends everything at once.\nStopped.\n"
    )
    assert not [one for one in everything if one.is_running()]
    assert not (state_directory(port) / "stack.json").exists()


async def published(key: dict[str, str]) -> Created:
    """The 201 to an offer with *key*, sent and ended as clients do."""
    sent = offer(Local("abcd", "x" * 22), fingerprint=Identity().fingerprint, direction="sendonly")
    async with aiohttp.ClientSession() as http:
        created = await post(http, key["whip"], sent)
        assert await delete(http, created) == 200
    return created


def test_a_stack_may_end_by_itself() -> None:
    """SECONDS, with the exit code of success."""
    done = make_up(free_ports(), SECONDS="1")
    assert done.returncode == 0, done.stdout
    assert "Sluice is up after" in done.stdout
    assert "Stopped." in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_taken_port_is_named_with_its_owner(kind: socket.SocketKind) -> None:
    """Which port, what for, whose, and what to do; nothing is started."""
    port = free_ports()
    taken = port + 1 if kind == socket.SOCK_STREAM else port + 4
    with socket.socket(socket.AF_INET, kind) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        if kind == socket.SOCK_STREAM:
            other.listen()
        done = make_up(port)
    assert done.returncode != 0
    assert f"ort {taken} (for " in done.stdout
    assert f"(pid {os.getpid()}: " in done.stdout
    assert f"make up PORT={port + 10000}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("offset", [0, 1, 7])
def test_a_port_that_is_taken_on_loopback_is_named_under_another_host(offset: int) -> None:
    """The API listens there too, the emulator and the metrics there alone."""
    port = free_ports()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        done = make_up(port, HOST="127.0.0.2")
    assert done.returncode != 0
    assert re.search(
        rf"^Port {port + offset} \(for .+\) is taken on 127.0.0.1 by .+ \(pid {os.getpid()}: ", done.stdout
    )
    assert f"make up PORT={port + 10000} HOST=127.0.0.2\n" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_same_port_twice_names_the_stack(stack: dict[str, Any]) -> None:
    """Rather than a port of it."""
    done = make_up(int(stack["api"].rpartition(":")[2]))
    assert done.returncode != 0
    assert f"A stack is up already on port {stack['api'].rpartition(':')[2]} (pid {stack['pid']})" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "80", "use one from 1024"),
        ("PORT", "x", "use a whole number"),
        ("SECONDS", "soon", "use a whole number"),
        ("HOST", "example.com", "use an IPv4 address"),
        ("HOST", "300.1.1.1", "use an IPv4 address"),
        ("HOST", "192.0.2.77", "cannot be used"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str, says: str) -> None:
    """A sentence with what may be used, and no traceback."""
    variables = {"PORT": str(free_ports()), name: value}
    done = subprocess.run(
        ["make", "up", *(f"{key}={text}" for key, text in variables.items())],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"{name} is " in done.stdout or f"{name}={value}" in done.stdout
    assert says in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
