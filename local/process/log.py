"""The one log of a stack: a line per event, with the time and the part that said it, and no secret in it.

Structured lines (the functions log JSON) are written as a sentence with fields, metrics are left out. Masking is the
last line of defence: parts do not log secrets, and a traceback or a third party that does is masked here.
"""

import json
import logging
import re
import time
from collections import deque
from pathlib import Path
from typing import Any

_KEY = re.compile(r"\b(live|anon|acct)_([a-z2-7]{2})[a-z2-7]{30}\b")
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
# What every structured line carries and nobody reads twice.
_DULL = {
    *("at", "timestamp", "service", "logger", "location", "cold_start", "xray_trace_id"),
    *("function_name", "function_arn", "function_memory_size"),
}
_TAIL = 20


class StackLog:
    """Writes lines to the file *path*, which is begun anew at each start of the stack."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)
        path.chmod(0o600)
        self._tails: dict[str, deque[str]] = {}
        self.path = path

    def write(self, part: str, line: str) -> None:
        """Add *line* with the time and with *part*, which said it."""
        text = mask(readable(line, part))
        if not text or self._file.closed:
            return
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03d}"
        self._file.write(f"{clock} {part:<12} {text}\n")
        self._tails.setdefault(part, deque(maxlen=_TAIL)).append(text)

    def tail(self, part: str) -> str:
        """The last lines that *part* said, which explain why it failed."""
        return "\n".join(f"  {line}" for line in self._tails.get(part, ()))

    def close(self) -> None:
        """Close the file; whatever is written later is dropped."""
        self._file.close()


class LibraryRecords(logging.Handler):
    """What libraries log in this process (aiohttp's tracebacks, say), as lines of the one log."""

    def __init__(self, log: StackLog, part: str) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._part = part

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*, line by line, to the stack's log."""
        for line in self.format(record).splitlines():
            self._log.write(self._part, line)


def mask(text: str) -> str:
    """*text* with its stream keys, tokens and grants masked."""
    return _TOKEN.sub("eyJ…", _KEY.sub(r"\1_\2…", text))


def readable(line: str, part: str = "") -> str:
    """*line* as a person reads it; empty for what only a metrics system reads."""
    text = line.rstrip().replace("\r", " | ")
    if not text.startswith("{"):
        return text
    try:
        record: dict[str, Any] = json.loads(text)
    except ValueError:
        return text
    if "_aws" in record:
        return ""
    if "message" not in record or "level" not in record:
        return text
    level, message = record.pop("level"), record.pop("message")
    fields = " ".join(
        f"{name}={_short(value)}" for name, value in record.items() if name not in _DULL and value != part
    )
    return f"{level} {_short(message)} {fields}".rstrip()


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
