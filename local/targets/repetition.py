"""`make test-repeat`: the whole suite again and again, to find what fails one time in ten.

A line a run: how many tests passed, failed and were skipped, and how long it took, without what was installed. What a run
printed is in .local/test-repeat/.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMES = 10
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed)\b")
_SUMMARY = re.compile(r"^=*\s*(\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_TOOK = re.compile(r"^Installing took \d+ s, the tests (\d+) s\.$", re.MULTILINE)


def repeat(
    times: str,
    say: Callable[[str], None],
    command: tuple[str, ...] = (sys.executable, "-m", "local.bootstrap", "test"),
    folder: Path = ROOT / ".local" / "test-repeat",
) -> int:
    """Run *command* as often as *times* says; 0 where every run was green, 2 where it says no number."""
    if times and not (times.isdecimal() and int(times)):
        say("TIMES is a number of runs: make test-repeat TIMES=10")
        return 2
    wanted, red = int(times or TIMES), 0
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, wanted + 1):
        begun, file = time.monotonic(), folder / f"{number}.log"
        with file.open("wb") as output:
            code = subprocess.run(  # noqa: S603 - make's own target
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode
        say(line(number, code, file.read_text(errors="replace"), time.monotonic() - begun))
        red += code != 0
        if code:
            say(f"  what it printed: {file}")
    say(f"{wanted - red} of {wanted} runs were green.")
    return int(red > 0)


def line(number: int, code: int, printed: str, seconds: float) -> str:
    """A run in one line: its colour, its counts, and its tests' time, or *seconds* where it printed none."""
    counts: Counter[str] = Counter()
    for summary in _SUMMARY.findall(printed):
        for count, what in _COUNT.findall(summary):
            counts[what.removesuffix("s") if what == "errors" else what] += int(count)
    told = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no test ran"
    took = _TOOK.findall(printed)
    failed = "".join(f"\n  {name}" for name in dict.fromkeys(_FAILED.findall(printed)))
    return f"{number}: {'green' if code == 0 else 'RED'}, {told}, {int(took[-1]) if took else round(seconds)} s{failed}"
