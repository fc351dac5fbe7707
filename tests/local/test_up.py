"""`make up` as a user meets it: its table, its file, its end, and its refusals. Real processes throughout."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from local.processes import ROOT
from local.settings import state_directory
from tests.conftest import running_stack
from tests.local.builders import answers, wait_for
from tests.ports import free_ports

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

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
    for account in stack["accounts"]:
        assert set(account) == {"account", "tier", "token", "keys"}
        assert account["token"].startswith("acct_")
        assert len(account["keys"]) == 2
        for key in account["keys"]:
            assert key["stream_key"].startswith("anon_" if account["tier"] == "anonymous" else "live_")
            assert key["whip"] == f"{stack['api']}/{key['stream_key']}/whip"
            assert key["whep"] == f"{stack['api']}/{key['stream_id']}/whep"
    assert [node["id"] for node in stack["nodes"]] == ["node1", "node2"]
    # As the file is now: a node that another test ended has been started again and is named anew.
    written = json.loads((state_directory(urlsplit(stack["api"]).port or 80) / "stack.json").read_text())
    assert all(psutil.pid_exists(node["pid"]) for node in written["nodes"])
    assert psutil.pid_exists(stack["pid"])


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
