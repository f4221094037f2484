"""Forked processes, in which the threads of a framework do not exist."""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ForkGuard:
    """Raise an error in a process in which the framework would wait forever.

    The threads of a framework do not survive a fork. A computation in the child process would
    wait for them.

    Parameters
    ----------
    framework : str
        The name of the framework in the error message.

    Examples
    --------
    >>> guard = ForkGuard("MyFramework")
    >>> guard.check()
    >>> @guard
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.process: int | None = None  # in which the framework was used first

    def check(self) -> None:
        """Raise an error if the framework was used before this process was forked.

        Raises
        ------
        RuntimeError
            The message says how to start worker processes without a fork.
        """
        process = os.getpid()
        if self.process is None:
            self.process = process
        elif process != self.process:
            raise RuntimeError(
                f"{self.framework} was used in process {self.process} before process {process}"
                f" was forked from it, and {self.framework} cannot be used in a forked process."
                " Start worker processes without a fork: use joblib's default backend,"
                " joblib.parallel_config(backend='loky'), or the start method 'spawn' or"
                " 'forkserver' of multiprocessing."
            )

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return the function with a call of `check` before it.

        Parameters
        ----------
        function : callable

        Returns
        -------
        callable
        """

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            self.check()
            return function(*args, **kwargs)

        return guarded
