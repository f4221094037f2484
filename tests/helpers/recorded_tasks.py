"""Callbacks of scikit-learn that record the tasks of a fit, and the rows of such fits."""

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from mlpkit import MLPClassifier, MLPRegressor

SUPPORTED = parse_version(sklearn.__version__) >= parse_version("1.9")
supported = pytest.mark.skipif(not SUPPORTED, reason="callbacks are new in scikit-learn 1.9")
X = np.random.RandomState(0).normal(size=(90, 3))
LABELS = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
VALUES = X[:, 0] + X[:, 1] ** 2
WEIGHTS = np.arange(1.0, 91.0)


def make(kind: str = "classifier", **params: Any) -> tuple[Any, Any]:
    """An estimator and its targets."""
    cls, y = (MLPClassifier, LABELS) if kind == "classifier" else (MLPRegressor, VALUES)
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, **params}
    return cls(**settings), y


class Recorder:
    """A callback that records its calls and their arguments, and may stop or fail."""

    def __init__(self, stop: int = 0, fail: str = "") -> None:
        self.stop, self.fail = stop, fail
        self.calls: list[str] = []
        self.tasks: list[dict[str, Any]] = []

    def record(self, call: str) -> None:
        """Record a call."""
        self.calls.append(call)
        if call == self.fail:
            raise OSError(call)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit."""
        self.record("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the fit, also after an error."""
        self.record("teardown")

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> None:
        """Called at the beginning of a task."""
        self.tasks.append(dict(locals()))
        self.record(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> bool:
        """Called at the end of a task."""
        self.tasks.append(dict(locals()))
        self.record(f"end {context.task_name} {context.task_id}")
        return context.parent is not None and context.task_id + 1 == self.stop


def expected(n: int, task: str = "epoch") -> list[str]:
    """The calls during a fit of n epochs."""
    epochs = [f"{when} {task} {i}" for i in range(n) for when in ("begin", "end")]
    return ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
