"""Prediction intervals: ranks, coverage, quantiles, weights, and estimators."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from mlpkit import MLPRegressor
from mlpkit.calibration.conformal import ConformalIntervals

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (1600, 2))
SPREAD = 0.2 + 0.15 * X[:, 1]
Y = 50 * (X[:, 0] + SPREAD * RNG.standard_normal(1600))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def covered(y: np.ndarray, bounds: np.ndarray) -> float:
    """The fraction of targets in their intervals."""
    return float(((bounds[:, 0] <= y) & (y <= bounds[:, 1])).mean())


@pytest.mark.once
@pytest.mark.parametrize(("n", "coverage"), [(9, 0.9), (19, 0.9), (20, 0.9), (99, 0.95), (1, 0.5)])
def test_the_margin_has_the_finite_sample_rank(n: int, coverage: float) -> None:
    """It is the score of rank ceil((n + 1) coverage), among scores from 1 to n."""
    scores = RNG.permutation(np.arange(1.0, n + 1))
    bounds = ConformalIntervals.of(scores, np.zeros((n, 1))).bounds(np.zeros((1, 1)), coverage)
    rank = int(np.ceil((n + 1) * coverage - 1e-9))
    np.testing.assert_array_equal(bounds, [[-rank, rank]])


@pytest.mark.once
def test_too_few_rows() -> None:
    """The message contains how many are required."""
    intervals = ConformalIntervals.of(np.ones(98), np.zeros((98, 1)))
    with pytest.raises(ValueError, match=r"coverage=0.99 requires at least 99 rows .* got 98"):
        intervals.bounds(np.zeros((1, 1)), 0.99)
    for wrong in (0, 1, 1.5, "a", True):
        with pytest.raises(ValueError, match="coverage must be between 0 and 1, for example 0.9"):
            intervals.bounds(np.zeros((1, 1)), wrong)  # type: ignore[arg-type]


@pytest.mark.once
def test_coverage_holds_on_average() -> None:
    """Over many draws of few calibration rows, it is between c and c + 1 / (n + 1)."""
    n, coverage, hits = 12, 0.8, []
    for _ in range(4000):
        y = RNG.standard_normal(n + 1)
        bounds = ConformalIntervals.of(y[:n], np.zeros((n, 1))).bounds(np.zeros((1, 1)), coverage)
        hits.append(covered(y[n:], bounds))
    error = 4 * np.sqrt(0.16 / 4000)
    assert coverage - error < np.mean(hits) < coverage + 1 / (n + 1) + error


@pytest.mark.once
def test_weights() -> None:
    """Equal weights change nothing, rows of weight 0 do not count, heavy rows count more."""
    y, values = RNG.standard_normal(200), np.zeros((200, 1))
    plain = ConformalIntervals.of(y, values).bounds(values[:1], 0.9)
    for w in (3.0 * np.ones(200), np.r_[np.ones(200), np.zeros(50)]):
        padded = np.r_[y, np.full(len(w) - 200, 1e9)]
        weighted = ConformalIntervals.of(padded, np.zeros((len(w), 1)), w)
        np.testing.assert_array_equal(weighted.bounds(values[:1], 0.9), plain)
    heavy = ConformalIntervals.of(y, values, np.where(np.abs(y) > 1, 5.0, 1.0))
    assert heavy.bounds(values[:1], 0.9)[0, 1] > plain[0, 1]


@pytest.mark.once
def test_quantiles_are_moved_by_one_margin() -> None:
    """Also inwards, if they are too wide; bounds never cross."""
    y = RNG.standard_normal(500)
    wide = np.tile([-5.0, 0.0, 5.0], (500, 1))
    intervals = ConformalIntervals.of(y, wide, quantiles=(0.05, 0.5, 0.95))
    low, high = intervals.bounds(wide[:1], 0.9)[0]
    assert low == -high and 1.4 < high < 2.0
    crossing = intervals.bounds(np.array([[-0.1, 0.0, 0.3]]), 0.9)
    np.testing.assert_allclose(crossing, [[0.1, 0.1]])


@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize("loss", ["squared_error", "quantiles"])
def test_estimators_cover_new_rows(loss: str, coverage: float) -> None:
    """With one value and with quantiles, of which the second have widths that follow the noise."""
    reg = MLPRegressor(
        loss,
        (16,),
        standardize_targets=True,
        early_stopping_on="loss",
        validation_fraction=0.3,
        learning_rate_init=0.01,
        max_iter=80,
        random_state=0,
    ).fit(X[:1000], Y[:1000])
    bounds = reg.predict_interval(X[1000:], coverage)
    assert bounds.shape == (600, 2)
    assert abs(covered(Y[1000:], bounds) - coverage) < 0.08
    widths = bounds[:, 1] - bounds[:, 0]
    correlation = np.corrcoef(widths, SPREAD[1000:])[0, 1] if np.ptp(widths) > 1e-9 else 0.0
    assert correlation > 0.8 if loss == "quantiles" else correlation == 0
    copied = pickle.loads(pickle.dumps(reg))
    np.testing.assert_array_equal(copied.predict_interval(X, coverage)[1000:], bounds)


def test_which_rows_calibrate() -> None:
    """The validation set, also without early stopping, or what `calibrate` receives."""
    options: dict[str, Any] = {"max_iter": 10, "random_state": 0, "standardize_targets": True}
    reg = MLPRegressor(**options).fit(X[:500], Y[:500])
    with pytest.raises(AttributeError) as error:
        reg.predict_interval(X)
    assert "requires rows that were not trained on" in str(error.value.__cause__)
    assert not hasattr(reg, "predict_interval")
    w = RNG.random_sample(500) + 0.1
    reg.calibrate(X[500:1000], Y[500:1000], w)
    other = MLPRegressor(**options)
    other.fit(X[:500], Y[:500], X_val=X[500:1000], y_val=Y[500:1000], sample_weight_val=w)
    np.testing.assert_allclose(
        reg.predict_interval(X), other.predict_interval(X), rtol=1e-5, atol=1e-5
    )
    reg.partial_fit(X[:10], Y[:10])
    assert not hasattr(reg, "predict_interval")
    reg.calibrate(X[500:], Y[500:])
    assert not hasattr(reg.initialize(2), "predict_interval")
    two = MLPRegressor(**options).fit(X[:500], np.column_stack([Y, Y])[:500])
    with pytest.raises(ValueError, match="support one target, got 2"):
        two.calibrate(X[:500], np.column_stack([Y, Y])[:500])
    with pytest.raises(NotFittedError):
        MLPRegressor().calibrate(X, Y)
