"""Losses: scikit-learn's values, and derivatives that are theirs."""

import numpy as np
import pytest
from sklearn.neural_network._base import LOSS_FUNCTIONS

from mlpkit.dense import activated
from mlpkit.losses import LOSSES
from mlpkit.testing import TASKS, data, spec


@pytest.mark.parametrize("name", TASKS)
def test_values_are_scikit_learns(name: str) -> None:
    """The weighted mean over rows, even for saturated probabilities."""
    s = spec(name)
    _, y, w = data(s)
    z = 5 * np.random.RandomState(1).standard_normal(y.shape)
    if "log" in name:
        z[0] = [800.0] + [-800.0] * (y.shape[1] - 1)
    p = activated(z, s.loss.out_activation)
    mean = np.average(LOSSES[name].rows(np, y.astype(float), p), weights=w)
    assert mean == pytest.approx(LOSS_FUNCTIONS[name](y, p, w), rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_delta_is_the_derivative(name: str) -> None:
    """By central differences; the squared error's row is a mean over outputs, its delta not."""
    s = spec(name)
    _, y, _ = data(s, 4)
    z = np.random.RandomState(1).standard_normal(y.shape)
    factor = y.shape[1] if name == "squared_error" else 1

    def rows(z: np.ndarray) -> np.ndarray:
        return np.asarray(
            LOSSES[name].rows(np, y.astype(float), activated(z.copy(), s.loss.out_activation))
        )

    delta = LOSSES[name].delta(np, y.astype(float), activated(z.copy(), s.loss.out_activation))
    for column in range(y.shape[1]):
        step = np.zeros_like(z)
        step[:, column] = 1e-6
        slope = factor * (rows(z + step) - rows(z - step)) / 2e-6
        np.testing.assert_allclose(delta[:, column], slope, atol=1e-6)
