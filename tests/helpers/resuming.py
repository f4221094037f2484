"""Fits that end early, as if the process had been killed, and are continued."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit.plugin import Report


class Killed(BaseException):
    """Ends a fit at once."""


class KillAfter:
    """A callback that ends the fit in the epoch of this number, before it is saved."""

    only_observes = True

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, report: Report) -> None:
        """End the fit."""
        if report.epoch == self.epoch:
            raise Killed


def fit_in_parts(
    make: Callable[..., Any], rows: tuple[Any, ...], path: Path, ends: list[int], **fit: Any
) -> Any:
    """Fit new estimators with one checkpoint, the first of which end in these epochs.

    ``make(checkpoint, more_callbacks)`` returns an estimator. Returns the last one, fitted.
    """
    for end in ends:
        estimator = make(path, [KillAfter(end)])
        try:
            estimator.fit(*rows, **fit)
        except Killed:
            assert not hasattr(estimator, "n_iter_")
        else:
            raise AssertionError(f"the fit ended before epoch {end}")
    return make(path, []).fit(*rows, **fit)


def caught(fit: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a fit returns, and the warnings that it emits."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = fit()
    return result, [f"{w.category.__name__}: {w.message}" for w in found]


def weights(estimator: Any) -> dict[str, Any]:
    """Weights and optimizer state by name."""
    return {**estimator._network.arrays, **estimator._network.optimizer_state}


def assert_same_fit(one: Any, other: Any) -> None:
    """Both estimators have the same weights, optimizer state and fitted attributes, bit for bit."""
    np.testing.assert_equal(weights(one), weights(other))
    private = ("_progress", "_losses", "_intervals", "_targets")
    for name in sorted(vars(one)):
        if name.endswith("_") or name in private:
            assert_equal(getattr(one, name), getattr(other, name), name)
    assert vars(one).keys() == vars(other).keys()


def assert_equal(one: Any, other: Any, name: str) -> None:
    """Two values of an attribute are equal; objects by their attributes, histories by rows."""
    if hasattr(one, "records"):
        np.testing.assert_equal(list(one), list(other), name)
    elif hasattr(one, "__dict__") and not isinstance(one, np.ndarray):
        assert type(one) is type(other), name
        for key, value in vars(one).items():
            assert_equal(value, vars(other)[key], f"{name}.{key}")
    else:
        np.testing.assert_equal(one, other, name)
