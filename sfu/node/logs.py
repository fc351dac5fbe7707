"""Writes the log: one JSON object a line on standard error, by the standard library's logging.

What a record says beyond its message is in `extra` and becomes members of the object. Nothing is taken from the process,
the call stack or a URL, so a secret gets into the log only if somebody passes it; aiohttp's access log, which would
print grants, stays off (see `sfu.__main__`).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """A record as one line of JSON; *fixed* members (the node, the boot) are in every line."""

    def __init__(self, **fixed: str) -> None:
        super().__init__()
        self._fixed = fixed

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fixed,
            **{key: value for key, value in vars(record).items() if key not in _STANDARD and value is not None},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def install(level: str, *, stream: TextIO | None = None, **fixed: str) -> None:
    """Send every logger's records of *level* and above to *stream* (standard error), and nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(**fixed))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every request, signature and handshake at INFO or DEBUG; botocore's would show signed headers.
    for chatty in ("botocore", "aiohttp.access", "aioice", "aiortc", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
