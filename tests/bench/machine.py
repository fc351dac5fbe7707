"""What the kernel knows: cores, processor time and memory of processes, datagrams that a socket had no room for."""

import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """(the server's core, the load generator's): different ones where the machine has two."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def hurry(pid: int) -> bool:
    """Put *pid*'s session before everything else on the machine, where we may (root): servers and load alike.

    A benchmark that was started by `nice` stays nice.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) > 0:
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, pid, -15)
        # Where the scheduler groups by session, a process's own priority counts only within its session.
        group = Path(f"/proc/{pid}/autogroup")
        if group.exists():
            group.write_text("-15")
    except OSError:
        return False
    return True


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started in this block runs on *core* alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pid: int) -> list[int]:
    """*pid* and all its descendants."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(after[1]), []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def runs(pid: int) -> bool:
    """Whether the process is there and not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of *pids*, all their threads; the network's softirqs run in them are included."""
    total = 0
    for pid in pids:
        try:
            after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(after[11]) + int(after[12])
    return total / TICKS


def memory_mb(pids: Iterable[int]) -> float:
    """Resident memory of *pids* in MB (10^6)."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total * 1024 / 1e6


def core_busy_seconds(core: int) -> float:
    """All time that *core* was not idle, whoever used it: shows what disturbed a run."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(n) for n in line.split()[1:9]]
            return (sum(ticks) - ticks[3] - ticks[4]) / TICKS
    return 0.0


def dropped(ports: Iterable[int]) -> int:
    """Datagrams that the kernel threw away because our own sockets' buffers were full."""
    wanted = {f"{port:04X}" for port in ports}
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(line.split()[-1]) for line in lines if line.split()[1].rpartition(":")[2] in wanted)


def particulars() -> dict[str, str]:
    """What a reader must know of this machine to compare figures, and why only ratios travel."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    server, load = cores()
    return {
        "cpu": f"{os.cpu_count()} x {model}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cores": f"server on core {server}, load on core {load}" + (" (one core only!)" if server == load else ""),
        "load average": " ".join(f"{n:.1f}" for n in os.getloadavg()),
    }
