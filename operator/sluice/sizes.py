"""Numbers of bytes as people write them: units are powers of 1000, so 1 GB is 10^9."""

_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def size_text(count: int) -> str:
    """*count* bytes in the largest unit that they fill: `50 GB`, `1.23 MB`, `999 B`. Above GB there is none."""
    for factor, unit in _UNITS:
        if count >= factor:
            return f"{count / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{count} B"


def parse_size(text: str) -> int:
    """The number of bytes that *text* spells: `5000000000`, or with kB, MB, GB or TB `5GB`.

    Raises ValueError for what is no number, and OverflowError for one beyond all others (`1e999TB`).
    """
    for unit, factor in (("tb", 10**12), *((unit.lower(), factor) for factor, unit in _UNITS)):
        number = text.lower().strip().removesuffix(unit)
        if number != text.lower().strip():
            return round(float(number) * factor)
    return int(text)
