"""Losses: scikit-learn's values, and derivatives that are theirs."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._base import LOSS_FUNCTIONS

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend.dense import activated
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import PluginError
from mlpkit.testing import TASKS, data, spec

pytestmark = pytest.mark.once


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


def test_an_estimator_takes_a_loss_of_ones_own() -> None:
    """With its derivative it trains on NumPy; without one, NumPy says why not."""
    X, y = np.random.RandomState(0).standard_normal((30, 2)), np.arange(30) / 30
    own = LOSSES["squared_error"]._replace(name="mine")
    one, two = (MLPRegressor(loss, random_state=0, max_iter=2) for loss in (own, "squared_error"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert one.fit(X, y).loss_curve_ == two.fit(X, y).loss_curve_
    with pytest.raises(PluginError, match="losses_without_delta.*loss 'mine' requires.*a `delta`"):
        one.set_params(loss=own._replace(delta=None), backend="numpy").fit(X, y)


@pytest.mark.parametrize("loss", ["squared_eror", "nosuch.huber", 3])
def test_what_is_not_a_loss_is_an_error(loss: object) -> None:
    """With what is."""
    message = (
        "loss must be 'squared_error', .*, 'poisson', an mlpkit.plugin.Loss, or a loss of a framew"
    )
    with pytest.raises(ValueError, match=message):
        MLPRegressor(loss).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("mae", "absolute_error"), ("MSE", "squared_error"), ("SmoothL1Loss", "huber")],
)
def test_losses_of_other_libraries(spelling: str, name: str) -> None:
    """The message suggests the loss that is meant."""
    with pytest.raises(ValueError, match=f"got '{spelling}'. Did you mean '{name}'"):
        MLPRegressor(spelling).fit([[0.0], [1.0]], [0.0, 1.0])


def test_a_loss_must_fit_the_task() -> None:
    """Probabilities come from the activation that the task has."""
    with pytest.raises(ValueError, match="out_activation='identity', which does not fit the task"):
        MLPClassifier(loss=LOSSES["squared_error"]).fit([[0.0], [1.0]], [0, 1])
