"""The API's answers for a person: single values as lines, lists as tables, moments as UTC, bytes with their unit."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

COLUMNS: Mapping[str, Sequence[str]] = {
    "accounts": ("account", "tier", "streams", "viewers", "used_bytes", "bytes", "blocked", "suspended"),
    "keys": ("stream", "label", "created", "revoked_at"),
    "nodes": ("node", "state", "drained", "leased", "region", "publishers", "viewers", "egress_kbps", "url"),
    "sessions": ("session", "account", "stream", "node", "viewers", "kbps", "silent_ms", "since"),
    "signing_keys": ("kid", "created", "state", "published"),
    "shards": ("node", "boot", "received", "sent"),
    "refusals": ("at", "stream", "code", "protocol", "address"),
    "slots": ("stream", "session", "node", "used"),
}
"""What a table shows of each list; `--json` has everything."""

MOMENTS = frozenset({"at", "created", "since"})
"""Names of moments, in seconds since the epoch; so is whatever ends in `_at` or `_until`."""
SIZES = frozenset({"bytes", "used_bytes", "quota_bytes", "received", "sent"})
"""Names of numbers of bytes."""
_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def table(answer: Mapping[str, Any]) -> str:
    """An answer for a person: single values as lines, lists as tables."""
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
    """One value, read by the field's *name*."""
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
    return size(value) if isinstance(value, int) and name in SIZES else str(value)


def is_moment(name: str) -> bool:
    """Whether a field of this *name* holds seconds since the epoch."""
    return name in MOMENTS or name.endswith(("_at", "_until"))


def moment(seconds: float) -> str:
    """*seconds* since the epoch as UTC (ISO 8601), to the second; as they are where no calendar reaches."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OSError, OverflowError, ValueError):
        return str(seconds)


def size(count: int) -> str:
    """*count* bytes in the unit that suits them, powers of 1000: 50 GB."""
    for factor, unit in _UNITS:
        if count >= factor:
            return f"{count / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{count} B"


def size_of(text: str) -> int:
    """What *text* says in bytes: `5000000000`, or `5GB` (kB, MB, GB and TB are powers of 1000). Raises `ValueError`."""
    for unit, factor in (("tb", 10**12), *((unit.lower(), factor) for factor, unit in _UNITS)):
        number = text.lower().strip().removesuffix(unit)
        if number != text.lower().strip():
            return round(float(number) * factor)
    return int(text)
