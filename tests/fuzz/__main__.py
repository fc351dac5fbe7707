"""`make fuzz`: a stack of its own, five minutes of requests, and what was found. SECONDS and SEED choose another run."""

import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from local import settings
from local.bootstrap import say
from tests.conftest import running_stack
from tests.fuzz.fuzzing import fuzz, report
from tests.ports import free_ports

SECONDS = 300
EXAMPLES = 5


def main() -> int:
    """Fuzz; the exit code says whether anything was found."""
    # Taken out, because the stack would end itself after as many seconds.
    seconds, number = float(os.environ.pop("SECONDS", "") or SECONDS), int(os.environ.get("SEED") or time.time())
    with tempfile.TemporaryDirectory() as folder, running_stack(free_ports(), Path(folder) / "output") as (_, stack):
        say(f"{seconds:g} s of requests to {stack['api']}; again with SEED={number}")
        state = settings.state_directory(urlsplit(stack["api"]).port or 80)
        fuzzer = fuzz(stack["api"], state, seconds=seconds, examples=EXAMPLES, number=number)
    say(f"{fuzzer.asked} requests, {len(fuzzer.problems)} kinds of problems\n{report(fuzzer)}")
    return bool(fuzzer.problems)


if __name__ == "__main__":
    sys.exit(main())
