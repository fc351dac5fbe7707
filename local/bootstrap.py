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

import os

from local.setup.environments import SetupError
from local.targets import bench, clean, foreign, lint, packages, repetition, stack, suite
from local.targets.program import say

_HELP = """make up      the whole system on this machine      PORT=8080 HOST=127.0.0.1 (or lan) SECONDS=… (stops by itself)
make demo    publish a test picture to it and print the link to watch
make test    all tests but the long ones       ARGS="tests/local -k routes" runs what pytest is told, alone   COVERAGE=1 reports branches
make test-long   what `make test` has no time for (CI runs it too)   ARGS="-k schema"
make test-repeat    all of it again and again, with a line for each run    TIMES=10
make fuzz    what nobody thought of: the properties with other examples, and requests made from the OpenAPI document   SECONDS=300 SEED=1
make lint    format, lint, types, import rules, templates; the page's too
make bench   the benchmark against MediaMTX (MEDIAMTX=/path/to/mediamtx)   FULL=1 for every bar (15 minutes)   JSON=file for the figures
             AGAINST=/path/to/checkout measures another checkout of ours in turns with this one
make flood   30 Mbit/s of each kind of datagram of strangers, 200 requests a second of each kind: nobody may notice (4 min)
make soak    viewers come and go for ten minutes, and nothing may grow    SECONDS=600
make test-clients   real clients against a whole stack: Firefox, OBS's libraries, GStreamer, MediaMTX   ARGS="-k firefox"
make storm   a thousand viewers on a hundred seats, and the storm of publishers, with their figures
make test-dynamodb-local    that storm of publishers on DynamoDB Local    DYNAMODB_LOCAL=/path/to/folder
make test-second-emulator   the functions' tests on dynoxide, a DynamoDB in Rust that cargo builds once   ARGS="tests/functions/nodes"
make test-localstack    the integration tests on a LocalStack that runs    LOCALSTACK=http://127.0.0.1:4566
make test-aws    the same, and the API's refusals, on a stack deployed to AWS    STACK=name DRY=1 (only collects)
make bench-admission    cold start, warm admission and throughput of the control plane (1 min, quiet machine)
                        AGAINST=/path/to/checkout starts another checkout's admission in turns with this one's
make lock    write anew, after a pin changed, what is installed, with its hashes    UV=/path/to/uv
make clean   remove everything that was installed or written here
PORT, HOST, SECONDS, SEED, TIMES, AGAINST and JSON are given after the target (make up PORT=9000); what the shell exports by these names is ignored."""


def main(arguments: list[str]) -> int:
    """Run the target that *arguments* name, or say what there is; the exit code."""
    targets = {
        "up": stack.up,
        "test": suite.test,
        "test-long": suite.test_long,
        "test-repeat": lambda: repetition.repeat(os.environ.get("TIMES", ""), say),
        "lint": lint.lint,
        "fuzz": suite.fuzz,
        "bench": bench.bench,
        "soak": bench.soak,
        "flood": suite.flood,
        "test-clients": foreign.test_clients,
        "bench-admission": bench.bench_admission,
        "storm": suite.storm,
        "test-dynamodb-local": foreign.test_dynamodb_local,
        "test-second-emulator": foreign.test_second_emulator,
        "test-localstack": foreign.test_localstack,
        "test-aws": foreign.test_aws,
        "demo": stack.demo,
        "lock": packages.lock,
        "clean": clean.clean,
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


def usage() -> int:
    """Say which targets there are and what each is for."""
    say(_HELP)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
