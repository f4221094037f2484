"""Fits that end early, as if the process had been killed, and are continued."""

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import isroutine
from typing import Any

import numpy as np

from mlpkit.plugin import Report


class Killed(BaseException):
    """Ends a fit at once."""


class KillAfter:
    """Callback that ends the fit in the epoch of this number, before it is saved."""

    only_observes = True

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, report: Report) -> None:
        """End the fit."""
        if report.epoch == self.epoch:
            raise Killed


def fit_in_parts(
    make: Callable[[], Any],
    checkpoint: str | os.PathLike[str],
    ends: Sequence[int],
    *rows: Any,
    **fit: Any,
) -> Any:
    """Fit estimators with one checkpoint. All but the last one end early, as if they were killed.

    Parameters
    ----------
    make : callable
        ``make()`` returns a new estimator, with the same parameters in each call.
    checkpoint : str or path-like
        Path of the checkpoint.
    ends : sequence of int
        For each fit that ends early, the epoch in which it ends, before this epoch is saved.
    *rows, **fit
        Arguments of `fit`.

    Returns
    -------
    estimator
        The last estimator, fitted.

    See Also
    --------
    assert_same_fit : Compare it with an estimator that was fitted as a whole.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from mlpkit import MLPClassifier
    >>> from mlpkit.testing import assert_same_fit, fit_in_parts
    >>> X, y = load_iris(return_X_y=True)
    >>> def make():
    ...     return MLPClassifier((5,), early_stopping=True, dropout=0.1, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parts = fit_in_parts(make, f"{folder}/run.ckpt", [2, 5], X, y)
    >>> assert_same_fit(make().fit(X, y), parts)
    """
    for end in ends:
        estimator = _prepared(make(), checkpoint, KillAfter(end))
        try:
            estimator.fit(*rows, **fit)
        except Killed:
            assert not hasattr(estimator, "n_iter_"), "the fit changed the estimator, but failed"
        else:
            raise AssertionError(f"the fit ended before epoch {end}")
    return _prepared(make(), checkpoint).fit(*rows, **fit)


def _prepared(estimator: Any, checkpoint: Any, *more: Any) -> Any:
    """The estimator with a checkpoint and more callbacks."""
    own = estimator.callbacks
    callbacks = list(own) if isinstance(own, list | tuple) else [] if own is None else [own]
    return estimator.set_params(checkpoint=checkpoint, callbacks=[*callbacks, *more])


def assert_same_fit(expected: Any, actual: Any) -> None:
    """Assert that two fitted estimators are the same, bit for bit.

    Weights, optimizer states and all fitted attributes are compared, but no parameters.

    Parameters
    ----------
    expected, actual : MLPClassifier or MLPRegressor
        The fitted estimators.

    Raises
    ------
    AssertionError
        If anything differs.
    """
    np.testing.assert_equal(_weights(actual), _weights(expected))
    private = ("_progress", "_losses", "_intervals", "_targets")
    for name in sorted(vars(expected)):
        if name.endswith("_") or name in private:
            _assert_equal(getattr(expected, name), getattr(actual, name), name)
    assert vars(actual).keys() == vars(expected).keys()


def _weights(estimator: Any) -> dict[str, Any]:
    """Weights and optimizer state by name."""
    return {**estimator._network.arrays, **estimator._network.optimizer_state}


def _assert_equal(expected: Any, actual: Any, name: str) -> None:
    """Two values of an attribute are equal; objects by their state or attributes."""
    if hasattr(expected, "records"):
        np.testing.assert_equal(list(actual), list(expected), name)
    elif hasattr(expected, "get_state") and not isinstance(expected, type):
        assert type(actual) is type(expected), name
        _assert_equal(expected.get_state(), actual.get_state(), name)
    elif isinstance(expected, Mapping):
        assert actual.keys() == expected.keys(), name
        for key, value in expected.items():
            _assert_equal(value, actual[key], f"{name}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), name
        for i, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _assert_equal(one, other, f"{name}[{i}]")
    elif hasattr(expected, "__dict__") and not (isroutine(expected) or isinstance(expected, type)):
        assert type(actual) is type(expected), name
        _assert_equal(vars(expected), vars(actual), name)
    else:
        np.testing.assert_equal(actual, expected, name)
