"""Shows the API's answers to people: moments as UTC, bytes with their unit, lists as tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sluice.sizes import size_text

COLUMNS: Mapping[str, Sequence[str]] = {
    "accounts": ("account", "tier", "streams", "viewers", "used_bytes", "bytes", "blocked", "suspended"),
    "keys": ("stream", "label", "created", "revoked_at"),
    "nodes": ("node", "state", "drained", "leased", "region", "publishers", "viewers", "egress_kbps", "url"),
    "sessions": ("session", "account", "stream", "node", "viewers", "kbps", "silent_ms", "since"),
    "signing_keys": ("kid", "created", "state", "published"),
    "shards": ("node", "boot", "received", "sent"),
    "refusals": ("at", "stream", "code", "protocol", "address"),
    "tiers": ("tier", "streams", "viewers", "bytes", "kbps", "protocols", "hls_embed"),
    "slots": ("stream", "session", "node", "used"),
}
"""The columns of each list that an answer may hold, by its name; `--json` has every field."""

MOMENTS = frozenset({"at", "created", "since"})
"""Fields that hold a moment, in seconds since the epoch; so does each that ends in `_at` or `_until`."""
SIZES = frozenset({"bytes", "used_bytes", "quota_bytes", "received", "sent"})
"""Fields that hold a number of bytes."""


def table(answer: Mapping[str, Any]) -> str:
    """The answer as text: a line for each single value, a table for each list of `COLUMNS`."""
    parts = [
        f"{name:12}  {cell(name, value)}"
        for name, value in answer.items()
        if not (isinstance(value, list) and name in COLUMNS) and (name != "next" or value is not None)
    ]
    for name, columns in COLUMNS.items():
        if isinstance(answer.get(name), list):
            rows = [columns, *([cell(column, entry.get(column)) for column in columns] for entry in answer[name])]
            widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
            parts += [
                "  ".join(one.ljust(width) for one, width in zip(row, widths, strict=True)).rstrip() for row in rows
            ]
    return "\n".join(parts)


def cell(name: str, value: Any) -> str:
    """One value as text; the field's *name* says whether it is a moment or a number of bytes."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(key, one)}" for key, one in value.items()) or "-"
    if isinstance(value, int | float) and is_moment(name):
        return moment(value)
    return size_text(value) if isinstance(value, int) and name in SIZES else str(value)


def is_moment(name: str) -> bool:
    """Whether a field of this *name* holds seconds since the epoch."""
    return name in MOMENTS or name.endswith(("_at", "_until"))


def moment(seconds: float) -> str:
    """*seconds* since the epoch as UTC (ISO 8601), to the second; the bare number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OSError, OverflowError, ValueError):
        return str(seconds)
