"""How much memory may be used: budgets that the user passes, and the memory that is free."""

import os
import re
from pathlib import Path

UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
UNITS |= {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "b": 1, "": 1}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
SHARE = 0.25  # share of the free memory that is used by default
SMALLEST = 1 << 26  # smallest budget, which reading a file requires


def budget(memory: str | float | None) -> int:
    """Return a number of bytes.

    ``memory`` is a text such as "1GiB", a number of bytes, or None for a quarter of the free
    memory. Raises ValueError for anything else, and for less than 64 MiB.

    >>> budget("1 GiB"), budget("500MB"), budget(2**30)
    (1073741824, 500000000, 1073741824)
    """
    if memory is None:
        return max(SMALLEST, int(SHARE * free_memory()))
    match = None if isinstance(memory, bool) else _SIZE.fullmatch(str(memory))
    if match is None or match[2].lower() not in UNITS:
        raise ValueError(
            f"memory must be a number of bytes or text such as '1GiB' or '500MB', got {memory!r}."
        )
    size = int(float(match[1]) * UNITS[match[2].lower()])
    if size < SMALLEST:
        raise ValueError(f"memory must be at least 64 MiB, got {memory!r}.")
    return size


def free_memory() -> int:
    """Return the number of bytes that are free on this machine, or in its container."""
    return min(_free_of_machine(), _free_of_container())


def _free_of_machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) // 2
    return 1 << 32


def _free_of_container(folder: Path = Path("/sys/fs/cgroup")) -> int:
    """The limit of the control group without what is in use; a huge number if there is none."""
    try:
        limit = int((folder / "memory.max").read_text())
        return max(0, limit - int((folder / "memory.current").read_text()))
    except (OSError, ValueError):  # no such file, or "max"
        return 1 << 62
