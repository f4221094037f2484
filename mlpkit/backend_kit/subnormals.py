"""Zero in place of subnormal numbers while networks are trained.

Numbers below 1.2e-38 in float32 (2.2e-308 in float64) have fewer digits and are called subnormal.
Many processors take many times as long to compute with them. The L2 penalty shrinks weights that
have no other gradient, such as those of features that are always zero and of units that are never
active. After some hundred epochs they are subnormal, and steps would take many times as long as in
the first epoch.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

# the struct `fenv_t` of the C libraries glibc and musl; its last number is the register MXCSR
Environment = ctypes.c_uint32 * 8
MXCSR = 7
BITS = 0x8040  # of MXCSR: subnormal results are zero (FTZ), and so are subnormal arguments (DAZ)


class Functions(NamedTuple):
    """The C functions that get and set the floating-point environment of the thread."""

    get: Callable[[Any], int]
    set: Callable[[Any], int]


@cache
def _functions() -> Functions | None:
    """Return the functions, or None on a system whose environment has another form."""
    is_linux = sys.platform == "linux" and os.uname().machine == "x86_64"
    if not is_linux or sys.maxsize < 1 << 32:
        return None
    for dtype in ("float32", "float64"):
        np.finfo(dtype)  # NumPy keeps the smallest subnormal number that it finds first
    for name in (None, "libm.so.6"):
        with suppress(AttributeError, OSError):
            library = ctypes.PyDLL(name)  # which keeps the GIL
            return Functions(library.fegetenv, library.fesetenv)
    return None


class FlushToZero:
    """A context in which this thread computes with zero in place of subnormal numbers.

    It has an effect on Linux with an x86-64 processor, and none on other systems. Contexts may be
    nested. Threads that are started in a context begin in its mode. See section 10.2.3 of Intel's
    Software Developer's Manual, volume 1.

    Parameters
    ----------
    enabled : bool, default=True
        False for a context in which there are subnormal numbers.

    Examples
    --------
    >>> with FlushToZero(False):
    ...     float(np.float32(1e-38) / np.float32(10)) > 0
    True
    """

    _environment: Any = None  # to restore

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        if (functions := _functions()) is None:
            return
        environment = Environment()
        functions.get(environment)
        self._before = before = environment[MXCSR]
        environment[MXCSR] = before | BITS if self.enabled else before & ~BITS
        try:
            self._environment = environment
            functions.set(environment)
        except BaseException:  # after an interrupt here, Python does not call `__exit__`
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._environment is not None and (functions := _functions()) is not None:
            self._environment[MXCSR] = self._before
            functions.set(self._environment)
            self._environment = None

    def __del__(self) -> None:
        self.__exit__()  # there was an interrupt before or after the block


def flushes_to_zero() -> bool:
    """Return whether this thread computes with zero in place of subnormal numbers.

    Returns
    -------
    bool
        False where `FlushToZero` has no effect.

    Examples
    --------
    >>> flushes_to_zero()
    False
    """
    if (functions := _functions()) is None:
        return False
    environment = Environment()
    functions.get(environment)
    return bool(environment[MXCSR] & BITS)


def flushed(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function in the context `FlushToZero`.

    Parameters
    ----------
    function : callable
        Any function.

    Returns
    -------
    callable
        With the same arguments and result.

    Examples
    --------
    >>> flushed(abs)(-2.0)
    2.0
    """

    @wraps(function)
    def in_context(*args: P.args, **kwargs: P.kwargs) -> T:
        with FlushToZero():
            return function(*args, **kwargs)

    return in_context
