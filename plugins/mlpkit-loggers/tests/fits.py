"""Data, and estimators with few epochs, for all tests of this distribution."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, by_column

X = np.random.RandomState(0).normal(size=(90, 3))
X[:, 2] = X[:, 0] > 0.3
y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(int)
TRAIN, VALIDATION = (X[:60], y[:60]), {"X_val": X[60:], "y_val": y[60:]}


def classifier(**params: Any) -> MLPClassifier:
    """A classifier with metrics by group."""
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (4,),
        "max_iter": 4,
        "random_state": 0,
        "metrics": ["accuracy", "log_loss"],
        "partitions": by_column(2, name="size <= 1/2"),
    }
    return MLPClassifier(**settings | params)


def fitted(estimator: Any, **rows: Any) -> Any:
    """The estimator after a fit with a validation set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*TRAIN, **{**VALIDATION, **rows})


class Failure(Exception):
    """An error of a callback."""


def fail_in_third_epoch(report: Any) -> None:
    """A callback that raises an error."""
    if report.epoch == 3:
        raise Failure


fail_in_third_epoch.only_observes = True  # type: ignore[attr-defined]  # so that fits resume without it
