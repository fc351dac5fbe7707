"""`make fuzz`: what nobody thought of, for SECONDS, from SEED on.

Half of the time each:

- the properties of the whole suite (Hypothesis) with examples that `make test` does not draw, round after round;
- requests to a stack of its own that are made from the OpenAPI document (schemathesis).

Exit code 1: something was found, and the last lines say how to see it again.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local import settings
from local.process.processes import ROOT
from local.targets.program import say
from tests.conftest import running_stack
from tests.fuzz.fuzzing import fuzz, report
from tests.ports import free_ports

SECONDS = 300.0
EXAMPLES = 5
PROPERTIES = "hypothesis and not (stack or browser or alone or bench or clients)"
"""The marks of what is run: pytest's plugin of Hypothesis marks each property so."""
_SHORTEST = 10
"""Seconds that a round has to be worth its start."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How long, and from which seed on."""

    seconds: float
    seed: int

    @property
    def command(self) -> str:
        """What does the same again."""
        return f"make fuzz SECONDS={self.seconds:g} SEED={self.seed}"


def wish(environ: Mapping[str, str], now: float) -> Wish:
    """What make was told; another seed at every second where it was told none. Raises `ValueError`."""
    return Wish(float(environ.get("SECONDS") or SECONDS), int(environ.get("SEED") or now))


def property_command(seed: int, until: float) -> list[str]:
    """One round of the properties."""
    return [
        sys.executable, "-m", "pytest", *with_properties(), "-q", "-n", "auto", "-m", PROPERTIES, "-p", "tests.fuzz.rounds",
        "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}", f"--fuzz-until={until}", "-r", "fE",
    ]  # fmt: skip


def with_properties() -> list[str]:
    """The files that have some: looking through all others would take a quarter of a minute each round."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "hypothesis" in file.read_text()]


def properties(wanted: Wish, until: float) -> int | None:
    """Rounds of properties until then; the seed of the round that found something, or None."""
    seed = wanted.seed
    while until - time.time() > _SHORTEST or seed == wanted.seed:
        if subprocess.run(property_command(seed, until), cwd=ROOT, check=False).returncode:
            return seed
        seed += 1
    return None


def requests(wanted: Wish, seconds: float) -> bool:
    """Requests to a stack; whether an answer contradicted the document."""
    with tempfile.TemporaryDirectory() as folder, running_stack(free_ports(), Path(folder) / "output") as (_, stack):
        state = settings.state_directory(urlsplit(stack["api"]).port or 80)
        fuzzer = fuzz(stack["api"], state, seconds=seconds, examples=EXAMPLES, number=wanted.seed)
    say(f"{fuzzer.asked} requests, {len(fuzzer.problems)} kinds of problems\n{report(fuzzer)}")
    return bool(fuzzer.problems)


def main() -> int:
    """Fuzz; the exit code says whether anything was found."""
    try:
        wanted = wish(os.environ, time.time())
    except ValueError:
        say("SECONDS and SEED are numbers: make fuzz SECONDS=600 SEED=7")
        return 2
    os.environ.pop("SECONDS", None)  # the stack would end itself after as many
    say(f"Properties with examples of their own for {wanted.seconds / 2:g} s; again with: {wanted.command}")
    found = properties(wanted, time.time() + wanted.seconds / 2)
    say(f"Requests made from the OpenAPI document for {wanted.seconds / 2:g} s:")
    contradicted = requests(wanted, wanted.seconds / 2)
    if found is not None:
        say(
            "A property does not hold (above). See it again, and keep its example with @example:\n"
            f"  {ROOT.name}$ .venv/bin/python -m pytest TEST --hypothesis-profile=fuzz --hypothesis-seed={found}"
        )
    if contradicted:
        say("An answer contradicts the OpenAPI document (above, with the request as a curl command).")
    if found is not None or contradicted:
        say(f"The whole run again: {wanted.command}")
        return 1
    say(f"Nothing was found. ({wanted.command})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
