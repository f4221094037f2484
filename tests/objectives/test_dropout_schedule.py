"""Schedules of dropout on every backend."""

from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.testing import TOLERANCE, close

X = np.random.RandomState(0).standard_normal((50, 3))
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (16, 8),
    "dropout": [0.5, 0.25],
    "batch_size": 8,
    "max_iter": 3,
    "random_state": 0,
}


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_every_backend_equals_numpy(dtype: str, backend: str) -> None:
    """Weights and losses after a few epochs of a falling fraction."""
    fits = [
        MLPRegressor(**QUICK, dtype=dtype, dropout_schedule="linear", backend=each).fit(X, Y)
        for each in ("numpy", backend)
    ]
    close(fits[0].coefs_[1], fits[1].coefs_[1], TOLERANCE[dtype])
    close(fits[0].loss_curve_, fits[1].loss_curve_, TOLERANCE[dtype])


def test_factors_of_zero_and_one(backend: str) -> None:
    """A factor of 1 is dropout as it is, and 0 is none."""

    def fitted(**params: Any) -> MLPRegressor:
        options = {**QUICK, "dtype": "float64", "learning_rate": "linear", **params}
        return MLPRegressor(**options, backend=backend).fit(X, Y)

    plain, none = fitted(), fitted(dropout=0.0)
    close(plain.coefs_[1], fitted(dropout_schedule="constant").coefs_[1], 1e-12)
    close(none.coefs_[1], fitted(dropout_schedule=lambda t: 0 * t).coefs_[1], 1e-12)
    assert np.abs(plain.coefs_[1] - none.coefs_[1]).max() > 1e-3


@pytest.mark.once
def test_what_a_schedule_returns() -> None:
    """Factors above 1 are errors."""
    with pytest.raises(ValueError, match="the schedule dropout_schedule returned .* 0 to 1, one"):
        MLPClassifier(**QUICK, dropout_schedule=lambda t: 1 + t).fit(X, Y > 0)
