"""Changes of an estimator that happen in one step, whatever other threads do meanwhile."""

import os
from collections.abc import Callable
from operator import is_
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Estimator = TypeVar("Estimator")
FITTED = ("_network", "_preset_layers")  # a fit replaces these, whoever sets them meanwhile

_GUARD = Lock()
# by the id of an estimator, while a call holds its lock; pickles and copies do not contain them
_LOCKS: WeakValueDictionary[int, Any] = WeakValueDictionary()


def _lock_of(estimator: Any) -> Any:
    """The lock that calls of this estimator share."""
    with _GUARD:
        lock = _LOCKS.get(id(estimator))
        if lock is None:
            lock = _LOCKS[id(estimator)] = RLock()
        return lock


def _forget_locks() -> None:
    """The threads that held locks do not exist in a forked process."""
    global _GUARD
    _GUARD = Lock()
    _LOCKS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def snapshot(estimator: Estimator) -> Estimator:
    """The estimator in its present state, which `alter` in another thread does not change."""
    view = object.__new__(type(estimator))
    object.__setattr__(view, "__dict__", vars(estimator))  # `alter` replaces the dict
    return view


def alter(estimator: Estimator, work: Callable[[Estimator], object]) -> Estimator:
    """Call ``work`` with a shallow copy of the estimator, and adopt its attributes on success.

    Threads take turns. After any exception, also one from outside (a signal, a warning that is
    turned into an error), the estimator is unchanged. ``work`` must replace attributes instead of
    modifying their values in place.
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
    """The attributes after the work, with the parameters that were set in the meantime."""
    if len(now) != len(start) or not all(map(is_, now.values(), start.values())):
        for name, value in now.items():
            if name not in FITTED and start.get(name, start) is not value:
                after[name] = value
    return after
