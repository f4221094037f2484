"""Memory that a worker keeps between the steps of a fit.

Dask's nanny makes workers return freed memory to the operating system at once, by the environment
variable ``MALLOC_TRIM_THRESHOLD_``. When it is allocated again, its pages are zeroed again. With
the arrays of each step, this takes up to half of the time of a fit.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

VARIABLE = "MALLOC_TRIM_THRESHOLD_"
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # numbers of options in glibc's malloc.h
KEPT = 64 << 20  # bytes that may stay free
LARGEST = 32 << 20  # bytes of an array that is kept, the maximum of glibc
DEFAULT_MMAP = 128 << 10  # glibc's

_lock = Lock()
_users = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory inside the context, if Dask has turned that off for this process."""
    library = _glibc()
    if library is None:
        yield
        return
    _change(library, 1)
    try:
        yield
    finally:
        _change(library, -1)


def _change(library: Any, by: int) -> None:
    """Count the fits in this process: the first one changes the options, the last restores them."""
    global _users
    with _lock:
        before, _users = _users, _users + by
        if not before:
            library.mallopt(MMAP_THRESHOLD, LARGEST)
            library.mallopt(TRIM_THRESHOLD, KEPT)
        elif not _users:
            library.mallopt(MMAP_THRESHOLD, DEFAULT_MMAP)
            library.mallopt(TRIM_THRESHOLD, int(os.environ[VARIABLE]))
            library.malloc_trim(0)


def _glibc() -> Any:
    """The library if the process uses it with Dask's option, or else None."""
    if not os.environ.get(VARIABLE, "").isdigit():
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return library if hasattr(library, "mallopt") else None
