"""`make up` and `make demo`: the whole system on this machine, and a picture published to it."""

import os
import signal

from local.process.die_with_parent import die_with_parent
from local.setup.environments import DEMO, EMULATOR, LOCAL, SFU, prepare
from local.targets.program import become, say


def up() -> int:
    """Become the supervisor of a stack, which ends when the make that started it does, however that happens."""
    prepare((LOCAL, SFU, EMULATOR), say)
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)
    become(LOCAL, "-m", "local.up")


def demo() -> int:
    """Publish the test picture; PyAV is large and used by nothing else, so it is installed when it is asked for."""
    prepare((DEMO,), say)
    become(DEMO, "-m", "local.demo")
