"""Small data, and estimators that fit it quickly, for tests of checkpoints."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit import MLPClassifier
from mlpkit.plugin import Report

rng = np.random.RandomState(0)
X = rng.normal(size=(150, 4))
LABELS = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + rng.normal(size=(150, 3)) / 2, axis=1)]
VALUES = X[:, 0] * X[:, 1] + rng.normal(size=150) / 9
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (6,),
    "batch_size": 32,
    "max_iter": 9,
    "learning_rate_init": 0.02,
    "random_state": 0,
}


def halving(t: Any) -> Any:
    """A schedule."""
    return 0.5**t


def twice_as_fast(report: Report) -> float | None:
    """A callback that changes the learning rate after the second epoch."""
    return 0.04 if report.epoch == 2 else None


def classifier(checkpoint: Any, callbacks: Any = None, **params: Any) -> MLPClassifier:
    """A small classifier."""
    callbacks = [] if callbacks is None else callbacks
    return MLPClassifier(**{**QUICK, **params}, checkpoint=checkpoint, callbacks=callbacks)


def caught(fit: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a fit returns, and the warnings that it emits."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = fit()
    return result, [f"{w.category.__name__}: {w.message}" for w in warned]
