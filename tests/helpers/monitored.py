"""A classifier whose training is measured, for the tests of it."""

from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from mlpkit import MLPClassifier, by_labels, by_quantile, by_target
from mlpkit.plugin import MetricValue

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
N = 400
TRAIN, HELD = slice(N), slice(N, None)
REGION = np.array(["north", "south", "west"])[np.random.RandomState(0).randint(3, size=len(Y))]
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.01,
    "max_iter": 4,
    "random_state": 0,
    "metrics": ["accuracy", "selection_rate", "log_loss"],
    "partitions": [by_labels("region"), by_target(), by_quantile(0, 3)],
}


def fitted(backend: Any = None, **changes: Any) -> MLPClassifier:
    """A classifier with its history of training and validation rows."""
    clf = MLPClassifier(**{**SETTINGS, "backend": backend, **changes})
    labels = {"labels": {"region": REGION[TRAIN]}, "labels_val": {"region": REGION[HELD]}}
    return clf.fit(X[TRAIN], Y[TRAIN], X_val=X[HELD], y_val=Y[HELD], **labels)


def values(rows: list[MetricValue]) -> dict[tuple[str, str, str], float]:
    """By metric and group."""
    return {(r.metric, r.partitioner, r.partition): r.value for r in rows}
