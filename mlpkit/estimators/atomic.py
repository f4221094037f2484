"""Estimators whose fitted state changes in one step, whatever else happens at the time."""

import os
from collections.abc import Callable
from operator import is_
from threading import Lock, RLock
from typing import Any, Self
from weakref import WeakValueDictionary

WEIGHTS = ("coefs_", "intercepts_")  # of a model; another model has others

_GUARD = Lock()
# by the id of an estimator, while a call holds its lock: pickles and copies never meet it
_LOCKS: WeakValueDictionary[int, Any] = WeakValueDictionary()


def _lock_of(estimator: Any) -> Any:
    """The lock that calls of this estimator share."""
    with _GUARD:
        lock = _LOCKS.get(id(estimator))
        if lock is None:
            lock = _LOCKS[id(estimator)] = RLock()
        return lock


def _forget_locks() -> None:
    """In a forked process the threads that held locks do not exist."""
    global _GUARD
    _GUARD = Lock()
    _LOCKS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


class Atomic:
    """For estimators: `_alter` changes the fitted state as a whole, `_snapshot` reads it so."""

    def _snapshot(self) -> Self:
        """The estimator as it is now; a call of `_alter` in another thread does not change it."""
        view = object.__new__(type(self))
        object.__setattr__(view, "__dict__", vars(self))  # which `_alter` replaces
        return view

    def _alter(self, work: Callable[[Self], object]) -> Self:
        """Do the work on a shallow copy, and take over what it changed if it succeeds.

        Threads take turns. After an exception, also one that comes from outside (a signal, a
        warning turned into an error), the estimator is what it was. The work must replace
        attributes instead of changing their values in place.
        """
        lock = _lock_of(self)
        if lock._is_owned():
            raise RuntimeError(
                f"This {type(self).__name__} is being fitted and cannot be fitted by its own"
                " callback. Fit a copy of it: sklearn.base.clone(estimator)."
            )
        with lock:
            before = vars(self)
            try:
                start = dict(before)
                draft = object.__new__(type(self))
                object.__setattr__(draft, "__dict__", dict(start))
                work(draft)
                object.__setattr__(self, "__dict__", _merged(start, vars(self), vars(draft)))
                return self
            except BaseException:
                object.__setattr__(self, "__dict__", before)
                raise


def _merged(start: dict[str, Any], now: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The attributes after the work, with the parameters that were set in the meantime."""
    if len(now) != len(start) or not all(map(is_, now.values(), start.values())):
        for name, value in now.items():
            if name not in WEIGHTS and start.get(name, start) is not value:
                after[name] = value
    return after
