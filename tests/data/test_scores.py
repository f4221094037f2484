"""Scores of early stopping, compared with those of scikit-learn."""

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, r2_score

from mlpkit.data.scores import r2
from mlpkit.data.targets import ClassTargets

pytestmark = pytest.mark.once


def weights_of(kind: str | None, n: int) -> Any:
    """Weights of n rows."""
    return None if kind is None else np.random.RandomState(9).randint(0, 4, n).astype(kind)


@pytest.mark.parametrize("weights", [None, "float64", "float32"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "constant", "text"])
def test_accuracy(kind: str, weights: str | None) -> None:
    """It equals the accuracy of decoded labels, bit for bit, also for ties and NaN."""
    rng = np.random.RandomState(0)
    y: Any = rng.randint(0, 2 if kind == "binary" else 5, 60)
    if kind == "multilabel":
        y = rng.randint(0, 2, (60, 4))
    if kind == "text":
        y = np.array(["one", "two", "three"])[y % 3]
    if kind == "constant":
        y = np.zeros(60)
    targets, w = ClassTargets(y), weights_of(weights, 60)
    encoded = targets.encode(y)
    p = rng.randint(0, 5, encoded.shape) / 4
    p[:3] = np.nan
    expected = accuracy_score(targets.decode(encoded), targets.decode(p), sample_weight=w)
    assert targets.score(encoded, p, w) == expected


@pytest.mark.parametrize("weights", [None, "float64"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("kind", ["random", "exact", "constant", "integers"])
def test_r2(kind: str, n_outputs: int, weights: str | None) -> None:
    """It equals that of scikit-learn, bit for bit."""
    rng = np.random.RandomState(0)
    y, p = rng.standard_normal((2, 60, n_outputs))
    w = weights_of(weights, 60)
    if kind == "exact":
        p[:, 0] = y[:, 0]
    if kind == "constant":
        y[:, 0] = 2.0
    if kind == "integers":
        y = y.astype(int)
    assert r2(y, p, w) == r2_score(y, p, sample_weight=w)


def test_r2_of_one_row_is_undefined() -> None:
    """It is NaN with a warning, as in scikit-learn."""
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(r2(np.ones((1, 1)), np.ones((1, 1)), None))
