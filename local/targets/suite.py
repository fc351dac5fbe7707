"""`make test` and the longer tests of our own: which tests run side by side, and which alone.

Tests that claim a time run beside no other, those of a whole stack mostly wait, and two stacks at once are enough.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from local.setup import chromium
from local.setup.environments import DEV, EVERY, prepare
from local.targets.program import asked, become, inherited, run, say

STACK = "stack or browser"  # these mostly wait for one another: two stacks, each for whole files of tests, and no more
STORM = "tests/integration/load/test_storm.py"
_CROWD = "tests/integration/load/test_crowd.py"
_ELSEWHERE = "bench or clients or long"  # targets of their own
_NO_TESTS = 5  # pytest's exit code


def test() -> int:
    """Run pytest: first what may run side by side, then what needs a whole stack, at last what claims a time."""
    begun = time.monotonic()
    browser = prepare_with_chromium()
    installed = time.monotonic()
    code = _run_tests(browser)
    say(f"Installing took {installed - begun:.0f} s, the tests {time.monotonic() - installed:.0f} s.")
    return code


def test_long() -> int:
    """Run what takes minutes: first what may run side by side, then what claims a time."""
    environ = inherited() | {"CHROMIUM": prepare_with_chromium()}
    pytest = [str(DEV.python), "-m", "pytest", *asked()]
    codes = [
        run([*pytest, "-n", "2", "--dist", "loadscope", "-m", "long and not (alone or bench or clients)"], environ),
        run([*pytest, "-m", "long and alone and not (bench or clients)"], environ),
    ]
    return _worst(codes)


def _run_tests(browser: str) -> int:
    environ = inherited() | {"CHROMIUM": browser}
    pytest = [str(DEV.python), "-m", "pytest"]
    if asked():
        return run([*pytest, *asked()], environ)
    # Tracing takes a third of the time; CI asks for it, and fails where less is covered than pyproject.toml says.
    covered = ["--cov", "--cov-report=", "--cov-fail-under=0"] if os.environ.get("COVERAGE") == "1" else []
    say("Tests that may run side by side:")
    codes = [run([*pytest, *covered, "-n", "auto", "-m", f"not ({STACK} or alone or {_ELSEWHERE})"], environ)]
    say("Tests of the whole stack, on two of them:")
    two = ["-n", "2", "--dist", "loadfile"]
    # Not traced: the code that these tests exercise runs in other processes.
    codes.append(run([*pytest, *two, "-m", f"({STACK}) and not (alone or {_ELSEWHERE})"], environ))
    say("Tests that claim a time, alone:")
    codes.append(run([*pytest, "-m", f"alone and not ({_ELSEWHERE})"], environ))
    if covered:
        codes.append(run([str(DEV.python), "-m", "coverage", "report"], environ))
    return _worst(codes)


def _worst(codes: list[int]) -> int:
    """The highest of pytest's exit codes; a phase that had no test to run has not failed."""
    return max(0 if code == _NO_TESTS else code for code in codes)


def prepare_with_chromium() -> str:
    """Install every environment and a browser at once, for one waits for Debian's archive and the other unpacks.

    The path of the browser; `SetupError` where it cannot be had.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        browser = beside.submit(chromium.ensure, say)
        prepare(EVERY, say)
        return browser.result()


def fuzz() -> int:
    """Look for what nobody thought of, by properties and by requests."""
    prepare(EVERY, say)
    become(DEV, "-m", "tests.fuzz")


def flood() -> int:
    """Let strangers flood a node, each kind for five seconds; `make test-long` has a moment of each."""
    prepare(EVERY, say)
    environ = {**os.environ, "FLOOD_SECONDS": "5"}
    return run([str(DEV.python), "-m", "pytest", "tests/sfu/plane/test_flood.py", "-n", "0"], environ)


def storm() -> int:
    """Run the crowd and the storm at full size, and say their figures."""
    prepare(EVERY, say)
    become(DEV, "-m", "pytest", "-s", *(asked() or [_CROWD, STORM]))
