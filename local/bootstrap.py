"""What the Makefile's targets do, for a bare Python: set up what a target needs, then run it.

    python3 -m local.bootstrap {TARGET}

The logic is here and not in make, because it has to explain itself when something is missing.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # the user's python3 may be older than what this code is written for
    _version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        f"Sluice needs Python 3.11 or newer, and this is {_version}. Name another one: make PYTHON=/path/to/python3"
    )

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from local import repetition
from local.process.tether import tie
from local.setup import chromium, clients, localstack, locks, page_tools
from local.setup.environments import DEMO, DEV, EMULATOR, FUNCTIONS, LOCAL, ROOT, SFU, Environment, SetupError, prepare

_ALL = (LOCAL, SFU, EMULATOR, DEMO, DEV)
_STACK = "stack or browser"  # these mostly wait for one another: two stacks, each for whole files of tests, and no more
_ELSEWHERE = "bench or clients or long"  # targets of their own
_STORM = "tests/integration/load/test_storm.py"
_CROWD = "tests/integration/load/test_crowd.py"
_CODES = "tests/integration/test_documented_codes.py"
_SECOND = [
    f"tests/functions/{part}" for part in ("storage", "admission", "metering", "nodes", "admin", "account", "hooks")
]
_CODE = ("functions", "shared", "sfu", "local", "operator", "tests", "docs")
_HELP = """make up      the whole system on this machine      PORT=8080 HOST=127.0.0.1 (or lan) SECONDS=… (stops by itself)
make demo    publish a test picture to it and print the link to watch
make test    all tests but the long ones       ARGS="tests/local -k routes" runs what pytest is told, alone   COVERAGE=1 reports branches
make test-long   what `make test` has no time for (CI runs it too)   ARGS="-k schema"
make test-repeat    all of it again and again, with a line for each run    TIMES=10
make fuzz    what nobody thought of: the properties with other examples, and requests made from the OpenAPI document   SECONDS=300 SEED=1
make lint    format, lint, types, import rules, templates; the page's too
make bench   the benchmark against MediaMTX (MEDIAMTX=/path/to/mediamtx)   FULL=1 for every bar (15 minutes)
make flood   30 Mbit/s of each kind of datagram of strangers, 200 requests a second of each kind: nobody may notice (4 min)
make soak    viewers come and go for ten minutes, and nothing may grow    SECONDS=600
make test-clients   real clients against a whole stack: Firefox, OBS's libraries, GStreamer, MediaMTX   ARGS="-k firefox"
make storm   a thousand viewers on a hundred seats, and the storm of publishers, with their figures
make test-dynamodb-local    that storm of publishers on DynamoDB Local    DYNAMODB_LOCAL=/path/to/folder
make test-second-emulator   the functions' tests on dynoxide, a DynamoDB in Rust that cargo builds once   ARGS="tests/functions/nodes"
make test-localstack    the integration tests on a LocalStack that runs    LOCALSTACK=http://127.0.0.1:4566
make test-aws    the same, and the API's refusals, on a stack deployed to AWS    STACK=name DRY=1 (only collects)
make bench-admission    cold start, warm admission and throughput of the control plane (1 min, quiet machine)
make lock    write anew, after a pin changed, what is installed, with its hashes    UV=/path/to/uv
make clean   remove everything that was installed or written here
PORT, HOST, SECONDS, SEED and TIMES are given after the target (make up PORT=9000); what the shell exports by these names is ignored."""


def main(arguments: list[str]) -> int:
    """Run one target; the exit code."""
    targets: Mapping[str, Callable[[], int]] = {
        "up": up,
        "test": test,
        "test-long": test_long,
        "test-repeat": lambda: repetition.repeat(os.environ.get("TIMES", ""), say),
        "lint": lint,
        "fuzz": fuzz,
        "bench": bench,
        "soak": soak,
        "flood": flood,
        "test-clients": test_clients,
        "bench-admission": bench_admission,
        "storm": storm,
        "test-dynamodb-local": test_dynamodb_local,
        "test-second-emulator": test_second_emulator,
        "test-localstack": test_localstack,
        "test-aws": test_aws,
        "demo": demo,
        "lock": lock,
        "clean": clean,
        "help": usage,
    }
    name = arguments[0] if arguments else "help"
    if name not in targets:
        say(f"There is no target {name}.\n{_HELP}")
        return 2
    try:
        return targets[name]()
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def say(text: str) -> None:
    """Print for the user, at once."""
    print(text, flush=True)  # noqa: T201  # this program's output is for a terminal


def usage() -> int:
    """Say what there is."""
    say(_HELP)
    return 0


def up() -> int:
    """Become the supervisor of a stack, which ends when the make that started it does, however that happens."""
    prepare((LOCAL, SFU, EMULATOR), say)
    if "MAKELEVEL" in os.environ:
        tie(signal.SIGTERM)
    _become(LOCAL, "-m", "local.up")


def demo() -> int:
    """Publish the test picture; PyAV is large and used by nothing else, so it is installed when it is asked for."""
    prepare((DEMO,), say)
    _become(DEMO, "-m", "local.demo")


def bench() -> int:
    """Measure against MediaMTX; FULL=1 measures every bar, against Broadcast Box too."""
    prepare(_ALL, say)
    _become(DEV, "-m", "tests.bench", *(["--full"] if os.environ.get("FULL") == "1" else []))


def flood() -> int:
    """Let strangers flood a node, each kind for five seconds; `make test-long` has a moment of each."""
    prepare(_ALL, say)
    environ = {**os.environ, "FLOOD_SECONDS": "5"}
    return _run([str(DEV.python), "-m", "pytest", "tests/sfu/plane/test_flood.py", "-n", "0"], environ)


def soak() -> int:
    """Run a node for SECONDS with viewers that come and go."""
    prepare(_ALL, say)
    _become(DEV, "-m", "tests.bench.soak", "--seconds", os.environ.get("SECONDS", "600"))


def test_clients() -> int:
    """Run the tests that need other people's clients, which are installed or built first."""
    browser = _prepare_all_and_chromium()
    environ = {name: value for name, value in os.environ.items() if name not in _MAKES}
    environ |= {"CHROMIUM": browser} | clients.ensure(say)
    asked = os.environ.get("ARGS", "").split()
    return _run([str(DEV.python), "-m", "pytest", "tests/clients", "tests/browser", "-m", "clients", *asked], environ)


def bench_admission() -> int:
    """Measure admission."""
    prepare((DEV, EMULATOR, FUNCTIONS), say)
    _become(DEV, "-m", "tests.bench.control_plane.admission", *os.environ.get("ARGS", "").split())


def storm() -> int:
    """Run the crowd and the storm at full size, and say their figures."""
    prepare(_ALL, say)
    _become(DEV, "-m", "pytest", "-s", *os.environ.get("ARGS", f"{_CROWD} {_STORM}").split())


def test_dynamodb_local() -> int:
    """Run the storm on DynamoDB Local."""
    prepare((DEV,), say)
    _become(
        DEV,
        "-m",
        "local.setup.dynamodb",
        str(DEV.python),
        "-m",
        "pytest",
        "-s",
        *os.environ.get("ARGS", _STORM).split(),
    )


def test_second_emulator() -> int:
    """Run the functions' tests on dynoxide, which refuses what moto and ministack let pass."""
    prepare((DEV,), say)
    asked = os.environ.get("ARGS", " ".join(_SECOND)).split()
    _become(DEV, "-m", "local.setup.dynoxide", str(DEV.python), "-m", "pytest", *asked)


def test_localstack() -> int:
    """Run the integration tests that take any endpoint on LocalStack; the others have an emulator of their own."""
    endpoint = localstack.url(os.environ)
    prepare(_ALL, say)
    environ = {name: value for name, value in os.environ.items() if name not in _MAKES}
    environ["AWS_ENDPOINT_URL"] = endpoint
    asked = os.environ.get("ARGS", "").split() or ["tests/integration", "-m", f"not ({_STACK} or alone or bench)"]
    return _run([str(DEV.python), "-m", "pytest", *asked], environ)


def test_aws() -> int:
    """Run what can run there on AWS: it makes tables and accounts of its own, and needs the operator's rights."""
    name = os.environ.get("STACK")
    if not name:
        raise SetupError("Say which stack: make test-aws STACK=sluice")
    prepare((DEV,), say)
    file = ROOT / ".local" / "aws" / f"{name}.json"
    if _run([str(DEV.python), "-m", "local.setup.deployed", name, str(file)], os.environ):
        return 1
    environ = {each: value for each, value in os.environ.items() if each not in _MAKES}
    environ["SLUICE_STACK_FILE"] = str(file)
    dry = ["--collect-only"] if os.environ.get("DRY") == "1" else []
    asked = os.environ.get("ARGS", f"{_STORM} {_CODES}").split()
    return _run([str(DEV.python), "-m", "pytest", "-s", *dry, *asked], environ)


def test() -> int:
    """Run pytest: first what may run side by side, then what needs a whole stack, at last what claims a time."""
    begun = time.monotonic()
    browser = _prepare_all_and_chromium()
    installed = time.monotonic()
    code = _run_tests(browser)
    say(f"Installing took {installed - begun:.0f} s, the tests {time.monotonic() - installed:.0f} s.")
    return code


def test_long() -> int:
    """Run what takes minutes: first what may run side by side, then what claims a time."""
    browser = _prepare_all_and_chromium()
    environ = {name: value for name, value in os.environ.items() if name not in _MAKES} | {"CHROMIUM": browser}
    asked = os.environ.get("ARGS", "").split()
    pytest = [str(DEV.python), "-m", "pytest", *asked]
    codes = [
        _run([*pytest, "-n", "2", "--dist", "loadscope", "-m", "long and not (alone or bench or clients)"], environ),
        _run([*pytest, "-m", "long and alone and not (bench or clients)"], environ),
    ]
    return max(0 if code == _NO_TESTS else code for code in codes)


def _run_tests(browser: str) -> int:
    # Tests call make themselves, and are not to inherit what this make was told.
    environ = {name: value for name, value in os.environ.items() if name not in _MAKES}
    environ["CHROMIUM"] = browser
    asked = os.environ.get("ARGS", "").split()
    if asked:
        return _run([str(DEV.python), "-m", "pytest", *asked], environ)
    pytest = [str(DEV.python), "-m", "pytest"]
    # Tracing takes a third of the time; CI asks for it, and says what no test comes by.
    covered = ["--cov", "--cov-report="] if os.environ.get("COVERAGE") == "1" else []
    say("Tests that may run side by side:")
    codes = [_run([*pytest, *covered, "-n", "auto", "-m", f"not ({_STACK} or alone or {_ELSEWHERE})"], environ)]
    say("Tests of the whole stack, on two of them:")
    two = ["-n", "2", "--dist", "loadfile"]
    # Not traced: the code that these tests exercise runs in other processes.
    codes.append(_run([*pytest, *two, "-m", f"({_STACK}) and not (alone or {_ELSEWHERE})"], environ))
    say("Tests that claim a time, alone:")
    codes.append(_run([*pytest, "-m", f"alone and not ({_ELSEWHERE})"], environ))
    if covered:
        _run([str(DEV.python), "-m", "coverage", "report"], environ)
    return max(0 if code == _NO_TESTS else code for code in codes)


def _prepare_all_and_chromium() -> str:
    """Install both at once: one waits for Debian's archive, the other unpacks; the path of the browser."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        browser = beside.submit(chromium.ensure, say)
        prepare(_ALL, say)
        return browser.result()


_MAKES = {"ARGS", "COVERAGE", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
_NO_TESTS = 5  # pytest's exit code


def fuzz() -> int:
    """Look for what nobody thought of, by properties and by requests."""
    prepare(_ALL, say)
    _become(DEV, "-m", "tests.fuzz")


def lint() -> int:
    """Check everything that can be checked without running it, offline; all checks run, whatever the first one says."""
    prepare((DEV,), say)
    page_tools.ensure(say)
    templates = [str(path.relative_to(ROOT)) for path in _templates()]
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", *(folder for folder in _CODE if any((ROOT / folder).rglob("*.py")))],
        "import rules": ["lint-imports"],
        **({"cfn-lint": ["cfn-lint", *templates]} if templates else {}),
        **{f"SAM translator, {path}": ["python", "-m", "local.aws.translate", path] for path in templates},
        **page_tools.checks(),
    }
    failed = []
    for name, command in checks.items():
        say(f"{name} ...")
        program = str(DEV.path / "bin" / command[0])
        # `sluice` is a distribution of its own, and lint-imports finds what can be imported.
        environ = os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": str(ROOT / "operator")}
        if _run([program, *command[1:]], environ):
            failed.append(name)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks pass.")
    return bool(failed)


def lock() -> int:
    """Write the locks of Python's packages anew, then the lock of npm's."""
    code = locks.main()
    if code:
        return code
    prepare((DEV,), say)
    return page_tools.write_lock(say)


def clean() -> int:
    """Remove what was installed and written, unless a stack is using it."""
    for file in (ROOT / ".local").glob("**/stack.json"):
        with suppress(OSError, ValueError):
            pid = json.loads(file.read_text())["pid"]
            os.kill(pid, 0)
            raise SetupError(f"A stack is up (pid {pid}, {file.relative_to(ROOT)}); stop it first.")
    paths = [environment.path for environment in (*_ALL, FUNCTIONS)] + [
        ROOT / ".local",
        ROOT / "build",
        ROOT / "htmlcov",
        ROOT / page_tools.MODULES,
    ]
    paths += [ROOT / f".{tool}_cache" for tool in ("pytest", "mypy", "ruff", "import_linter")] + [ROOT / ".hypothesis"]
    paths += [*ROOT.glob(".coverage*"), ROOT / ".venv.lock"]
    paths += [file for made in ("*.so", ".build-*") for file in (ROOT / "sfu" / "native").glob(made)]
    paths += [path for folder in _CODE for path in (ROOT / folder).rglob("__pycache__")]
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    say("Removed the virtual environments, the state of the stack and all caches.")
    return 0


def _templates() -> list[Path]:
    return [path for path in (ROOT / "template.yaml", ROOT / "sfu" / "template.yaml") if path.exists()]


def _run(command: list[str], environ: Mapping[str, str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode  # noqa: S603  # our own tools


def _become(environment: Environment, *arguments: str) -> NoReturn:
    os.chdir(ROOT)
    os.execv(environment.python, [str(environment.python), *arguments])  # noqa: S606  # the target is that program


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
