"""Durations: parsed from arguments such as 10m, and shown as text."""

import re

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([smhd]?)", re.IGNORECASE)


def parsed(text: str) -> float:
    """Return the seconds of a duration: a number of seconds, or numbers with s, m, h or d.

    Raises ValueError for any other text, and for a duration of 0.

    >>> parsed("90"), parsed("10m"), parsed("1.5h"), parsed("1h 30m")
    (90.0, 600.0, 5400.0, 5400.0)
    """
    parts = list(_PART.finditer(text))
    complete = "".join(part[0] for part in parts) == text.replace(" ", "").strip()
    seconds = sum(float(part[1]) * UNITS[part[2].lower()] for part in parts)
    have_units = len(parts) == 1 or all(part[2] for part in parts)
    if not complete or not seconds or not have_units:
        raise ValueError(
            "a duration must be a number of seconds, or have a unit, as in 90s, 10m or 1.5h, got"
            f" {text!r}"
        )
    return seconds


def shown(seconds: float) -> str:
    """Return a duration as text of two units at most.

    >>> shown(0.1234), shown(75), shown(7325)
    ('0.12s', '1m 15s', '2h 2m')
    """
    if seconds < 1:
        return f"{seconds:.2g}s"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"
