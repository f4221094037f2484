"""Fits that raise `InvalidResult`, and their messages."""

import pickle
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.plugin import InvalidResult

X = np.random.RandomState(0).standard_normal((60, 4))
Y = np.arange(60) % 3


def estimator(backend: Any, **params: Any) -> MLPClassifier:
    """Create a classifier that trains for six epochs."""
    return MLPClassifier((5,), backend=backend, random_state=0, max_iter=6, **params)


def error_of(clf: Any, y: Any = Y) -> str:
    """The message of the error in `fit`, which leaves the estimator unchanged."""
    before = dict(vars(clf))
    with pytest.raises(InvalidResult) as caught:
        clf.fit(X, y)
    assert vars(clf) == before
    again = pickle.loads(pickle.dumps(caught.value))  # from a worker of joblib
    assert str(again) == str(caught.value)
    return str(caught.value)
