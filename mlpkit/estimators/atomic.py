"""Atomic changes of an estimator, which other threads see entirely or not at all."""

import os
from collections.abc import Callable
from operator import is_
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Estimator = TypeVar("Estimator")
# the results of a call, which replace what another thread set in the meantime
FITTED = ("_network", "_preset_layers")

_GUARD = Lock()
# the locks that calls hold, by the id of the estimator; no attributes, so pickles omit them
_LOCKS: WeakValueDictionary[int, Any] = WeakValueDictionary()


def _lock_of(estimator: Any) -> Any:
    """Return the lock of an estimator, the same one for concurrent calls."""
    with _GUARD:
        lock = _LOCKS.get(id(estimator))
        if lock is None:
            lock = _LOCKS[id(estimator)] = RLock()
        return lock


def _forget_locks() -> None:
    """Remove all locks in a forked process, where the threads that held them do not exist."""
    global _GUARD
    _GUARD = Lock()
    _LOCKS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def snapshot(estimator: Estimator) -> Estimator:
    """Return a view of the present state, which `alter` in another thread does not change."""
    view = object.__new__(type(estimator))
    object.__setattr__(view, "__dict__", vars(estimator))  # `alter` replaces the dict
    return view


def alter(estimator: Estimator, work: Callable[[Estimator], object]) -> Estimator:
    """Call ``work`` with a shallow copy of the estimator, and copy back its attributes.

    Concurrent calls run one after the other. The estimator is unchanged after any exception,
    including an interrupt and a warning that is turned into an error. ``work`` must replace
    attributes instead of modifying their values in place.
    """
    lock = _lock_of(estimator)
    if lock._is_owned():
        raise RuntimeError(
            f"This {type(estimator).__name__} is being fitted and cannot be fitted by its own"
            " callback. Fit a copy of it: sklearn.base.clone(estimator)."
        )
    with lock:
        before = vars(estimator)
        try:
            start = dict(before)
            draft = object.__new__(type(estimator))
            object.__setattr__(draft, "__dict__", dict(start))
            work(draft)
            attributes = _merged(start, vars(estimator), vars(draft))
            object.__setattr__(estimator, "__dict__", attributes)
            return estimator
        except BaseException:
            object.__setattr__(estimator, "__dict__", before)
            raise


def _merged(start: dict[str, Any], now: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes after the work, with those that were set in the meantime."""
    if len(now) != len(start) or not all(map(is_, now.values(), start.values())):
        for name, value in now.items():
            if name not in FITTED and start.get(name, start) is not value:
                after[name] = value
    return after
