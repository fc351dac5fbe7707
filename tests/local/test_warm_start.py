"""The bar of a warm `make up`: eight seconds from the command to the table."""

import os
import time
from pathlib import Path

import psutil
import pytest

BAR_SECONDS = 8


@pytest.mark.alone
def test_a_warm_make_up_takes_at_most_eight_seconds(
    stack: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of the stack that the tests beside this one use: nothing was to be installed any more."""
    if "SLUICE_STACK_FILE" in os.environ:
        pytest.skip("this stack was started by somebody else")
    (output,) = tmp_path_factory.getbasetemp().glob("stack[0-9]/output")
    printed = output.stat().st_mtime  # the table is the last that a stack says before its end
    assert "Sluice is up after" in output.read_text()
    make = psutil.Process(int(str(stack["pid"]))).parent()
    assert make is not None
    assert make.name() == "make"
    assert printed - _started(make.pid) < BAR_SECONDS


def _started(pid: int) -> float:
    """When a process began, as time.time() has it; psutil's own figure is rounded to a second."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age
