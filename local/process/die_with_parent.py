"""Has the kernel end a process when the one that started it dies, even by `kill -9`.

    python -I -S die_with_parent.py PARENT_PID COMMAND…        becomes COMMAND
    python -I -S die_with_parent.py --remove FILE              waits for the end of its input, then removes FILE

Imports next to nothing, because every start pays for it. PR_SET_PDEATHSIG survives exec. Elsewhere than on Linux a
killed supervisor leaves its children: there the command runs untied.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: int) -> None:
    """Ask the kernel for *death_signal* when this process's parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def main(arguments: list[str]) -> int:
    """Become the command, or wait for the end of the input and remove a file; the exit code."""
    if arguments[0] == "--remove":
        sys.stdin.buffer.read()
        for path in arguments[1:]:
            if os.path.exists(path):  # noqa: PTH110  # pathlib costs this process as much as all the rest
                os.remove(path)  # noqa: PTH107  # likewise
        return 0
    die_with_parent(signal.SIGKILL)
    if os.getppid() != int(arguments[0]):
        return 1  # the parent died before the kernel was asked
    try:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606  # exactly what this program is for
    except OSError as error:
        print(f"{arguments[1]} could not be started: {error.strerror}", file=sys.stderr)  # noqa: T201  # goes to the log
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
