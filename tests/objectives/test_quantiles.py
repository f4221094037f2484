"""The loss of several quantiles: values, crossing, predictions, and training on a backend."""

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_pinball_loss

from mlpkit import MLPRegressor, evaluate
from mlpkit.backend_kit import ascending, central
from mlpkit.objectives.losses import LOSSES, named
from mlpkit.objectives.quantiles import checked_quantiles, interpolated
from mlpkit.testing import close

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (1500, 2))
NOISE = 0.5 + 0.4 * X[:, 1]  # the standard deviation
Y = 100 * (X[:, 0] + NOISE * RNG.standard_normal(1500)) + 1000
W = RNG.random_sample(1500) + 0.1
SETS: list[tuple[float, ...]] = [(0.05, 0.5, 0.95), (0.3,), (0.1, 0.2, 0.9), (0.6, 0.7, 0.8, 0.9)]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def regressor(quantiles: tuple[float, ...] = (0.05, 0.5, 0.95), **parameters: Any) -> MLPRegressor:
    """A regressor of quantiles with a few epochs."""
    options: dict[str, Any] = {
        "hidden_layer_sizes": (16,),
        "standardize_targets": True,
        "max_iter": 5,
        "random_state": 0,
        **parameters,
    }
    return MLPRegressor("quantiles", loss_options={"quantiles": quantiles}, **options)


@pytest.mark.once
@pytest.mark.parametrize("quantiles", SETS)
def test_rows_are_the_mean_of_pinball_losses(quantiles: tuple[float, ...]) -> None:
    """As scikit-learn computes them, for quantiles in ascending order."""
    z = RNG.standard_normal((40, len(quantiles))) * 3
    y = RNG.standard_normal(40)
    values = np.stack(ascending(np, z, central(quantiles)), axis=1)
    assert (np.diff(values) > 0).all()
    np.testing.assert_array_equal(values[:, central(quantiles)], z[:, central(quantiles)])
    expected = np.mean(
        [mean_pinball_loss(y, p, alpha=q) for q, p in zip(quantiles, values.T, strict=True)]
    )
    loss = named("quantiles", {"quantiles": quantiles})
    wide = np.repeat(y[:, None], len(quantiles), axis=1)
    assert np.isclose(loss.rows(np, wide, z).mean(), expected)


@pytest.mark.once
@pytest.mark.parametrize("quantiles", SETS)
def test_delta_is_the_derivative(quantiles: tuple[float, ...]) -> None:
    """By central differences, one output at a time."""
    loss = named("quantiles", {"quantiles": quantiles})
    z, y = RNG.standard_normal((30, len(quantiles))), RNG.standard_normal((30, 1))
    y = np.repeat(y, len(quantiles), axis=1)
    assert loss.delta is not None
    delta = loss.delta(np, y, z)
    for column in range(len(quantiles)):
        step = np.zeros_like(z)
        step[:, column] = 1e-6
        slope = (loss.rows(np, y, z + step) - loss.rows(np, y, z - step)) / 2e-6
        np.testing.assert_allclose(delta[:, column], slope, atol=1e-6)


@pytest.mark.once
def test_large_outputs_are_finite() -> None:
    """Neither the loss nor its derivative overflows."""
    loss, z = LOSSES["quantiles"], np.array([[1e3, -1e3, -1e3], [-800.0, 0.0, 800.0]], "float32")
    y = np.zeros_like(z)
    assert loss.delta is not None
    assert np.isfinite(loss.rows(np, y, z)).all() and np.isfinite(loss.delta(np, y, z)).all()


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_backend_equals_numpy(solver: str, weighted: bool, backend: str) -> None:
    """Weights, losses and predicted quantiles."""
    data = (X[:300], Y[:300], W[:300]) if weighted else (X[:300], Y[:300])
    expected, actual = (regressor(solver=solver, backend=b).fit(*data) for b in ("numpy", backend))
    close(np.array(expected.loss_curve_), np.array(actual.loss_curve_), 1e-7)
    close(expected.predict(X, quantiles=[0.1]), actual.predict(X, quantiles=[0.1]), 1e-5)


def test_quantiles_are_those_of_the_noise() -> None:
    """The predicted quantiles follow a standard deviation that depends on X."""
    reg = regressor(max_iter=150, learning_rate_init=0.01, early_stopping_on="loss").fit(X, Y)
    quantiles = np.array([0.05, 0.25, 0.5, 0.8, 0.95])
    expected = 100 * (X[:, :1] + NOISE[:, None] * norm.ppf(quantiles)) + 1000
    values = reg.predict(X, quantiles=quantiles)
    assert np.abs(values - expected).mean() < 12
    covered = (Y[:, None] <= values).mean(axis=0)
    np.testing.assert_allclose(covered, quantiles, atol=0.04)


def test_predictions_are_the_median() -> None:
    """Scores and metrics are those of the quantile nearest to 0.5."""
    reg = regressor((0.9, 0.4, 0.1), metrics="mae", train_metrics="exact").fit(X, Y)
    np.testing.assert_array_equal(reg.predict(X), reg.predict(X, quantiles=0.4))
    assert reg.predict(X).shape == (1500,) and reg.n_outputs_ == 3
    np.testing.assert_allclose(
        [m.value for m in reg.metric_history_][-1], evaluate(reg, X, Y, metrics="mae")["mae"]
    )
    columns = reg.predict(X, quantiles=(0.9, 0.2))
    assert columns.shape == (1500, 2) and (columns[:, 0] > columns[:, 1]).all()
    clipped = regressor(clip_predictions=True).fit(X, Y).predict(X * 1e4, quantiles=(0.05, 0.95))
    assert Y.min() <= clipped.min() and clipped.max() <= Y.max()


@pytest.mark.once
def test_interpolation_is_exact_for_normal_distributions() -> None:
    """And monotone for others; fitted quantiles are returned as they are."""
    fitted = (0.05, 0.3, 0.5, 0.95)
    values = norm.ppf(fitted, loc=3, scale=2)[None]
    requested = [0.9, 0.05, 0.1, 0.95, 0.3]
    np.testing.assert_allclose(
        interpolated(values, fitted, requested)[0], norm.ppf(requested, loc=3, scale=2)
    )
    other = RNG.standard_normal((50, 4)).cumsum(axis=1) ** 3
    other.sort(axis=1)
    every = interpolated(other, fitted, list(np.linspace(0.05, 0.95, 91)))
    assert (np.diff(every) >= 0).all()
    np.testing.assert_array_equal(interpolated(other, fitted, fitted), other)


def test_streams_pickles_and_clones() -> None:
    """Further calls and copies keep the quantiles."""
    reg = regressor().partial_fit(X[:700], Y[:700]).partial_fit(X[700:], Y[700:])
    copied = pickle.loads(pickle.dumps(reg))
    np.testing.assert_array_equal(copied.predict(X, quantiles=0.9), reg.predict(X, quantiles=0.9))
    assert clone(reg).get_params()["loss_options"] == {"quantiles": (0.05, 0.5, 0.95)}
    start = regressor().initialize(2)
    assert start.n_outputs_ == 3 and start.predict(X).shape == (1500,)
    start.partial_fit(X, Y)


@pytest.mark.once
def test_invalid_quantiles() -> None:
    """The messages contain the value and an example."""
    not_numbers: list[Any] = [(0.5, 1.0), (0.0,), ("a",), (True, 0.5)]
    for wrong in not_numbers:
        with pytest.raises(ValueError, match="must be numbers between 0 and 1, such as"):
            regressor(wrong).fit(X, Y)
    for wrong in [(), (0.5, 0.5)]:
        with pytest.raises(ValueError, match="one or more different numbers"):
            checked_quantiles(wrong, "quantiles")
    with pytest.raises(NotFittedError):
        regressor().predict(X, quantiles=0.5)
    reg = regressor().fit(X, Y)
    with pytest.raises(ValueError, match=r"0.01 is not between 0.05 and 0.95.*\(0.01, 0.5, 0.95\)"):
        reg.predict(X, quantiles=[0.01])
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        reg.predict(X, quantiles=1.5)
    with pytest.raises(ValueError, match="supports one target, got 2"):
        regressor().fit(X, np.column_stack([Y, Y]))
    other = MLPRegressor(max_iter=1).fit(X, Y).set_params(loss="quantiles")
    with pytest.raises(ValueError, match="requires loss='quantiles', .* fitted with another loss"):
        other.predict(X, quantiles=0.5)
    reg.set_params(warm_start=True, loss_options={"quantiles": (0.1, 0.9)})
    with pytest.raises(ValueError, match="from one with 3 quantiles or values to one with 2"):
        reg.fit(X, Y)
    with pytest.raises(ValueError, match="no option 'quantile'.*Did you mean 'quantiles'"):
        reg.set_params(loss_options={"quantile": 0.5}, warm_start=False).fit(X, Y)
