"""`make lock`: writes anew what is installed, after a pin changed."""

from local.setup import locks, page_tools
from local.setup.environments import DEV, prepare
from local.targets.program import say


def lock() -> int:
    """Write the locks of Python's packages anew, then the lock of npm's; the exit code."""
    code = locks.main()
    if code:
        return code
    prepare((DEV,), say)
    return page_tools.write_lock(say)
