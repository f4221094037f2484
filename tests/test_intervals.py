"""Intervals: the closed forms' own numbers, and coverage of what they estimate."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from mlpkit import by_labels, evaluate
from mlpkit.reports.intervals import jackknife, percentile, wilson

pytestmark = pytest.mark.once


def one(y: Any, metrics: str, **options: Any) -> Any:
    """The entry of the whole, at 95 percent."""
    return next(iter(evaluate(None, None, y, metrics=metrics, confidence=0.95, **options)))


@pytest.mark.parametrize("n", [5, 37, 399])
def test_a_mean_has_its_t_interval(n: int) -> None:
    """Rows with a block each and no weights: exactly the textbook's."""
    rng = np.random.default_rng(n)
    y, said = rng.normal(size=n), rng.normal(size=n)
    e = one(y, "mae", y_pred=said)
    errors = np.abs(y - said)
    low, high = stats.t.interval(0.95, n - 1, errors.mean(), stats.sem(errors))
    np.testing.assert_allclose([e.low, e.high], [low, high], rtol=1e-9)


def test_a_proportion_has_wilsons_interval() -> None:
    """As scipy's binomtest has it; equal weights change nothing, unequal ones widen it."""
    y, said = np.arange(50) % 2, np.ones(50, dtype=int)
    said[:20] = y[:20]
    right = int((y == said).sum())
    expected = stats.binomtest(right, 50).proportion_ci(0.95, method="wilson")
    for w in (None, np.full(50, 3.0)):
        e = one(y, "accuracy", y_pred=said, sample_weight=w)
        np.testing.assert_allclose([e.low, e.high], expected, rtol=1e-9)
    rough = one(y, "accuracy", y_pred=said, sample_weight=np.repeat([1.0, 9.0], 25))
    assert rough.high - rough.low > e.high - e.low
    assert np.isnan(wilson(np.array(0.0), np.array(0.0), 0.95)).all()


@pytest.mark.parametrize(
    ("metric", "n"),
    [
        ("accuracy", 30),
        ("recall", 60),
        ("f1", 100),
        ("f1_macro", 150),
        ("log_loss", 60),
        ("brier_score", 1000),
        ("roc_auc", 60),
        ("average_precision", 400),
        ("balanced_accuracy", 1000),
    ],
)
def test_intervals_cover_the_truth(metric: str, n: int) -> None:
    """Of 95 percent intervals of samples about 95 percent hold the value of the population."""
    rng = np.random.default_rng(0)

    def drawn(size: int) -> tuple[Any, Any, Any]:
        y = (rng.random(size) < 0.4).astype(int)
        p = 1 / (1 + np.exp(-1.2 * (rng.normal(size=size) + y)))
        return y, (p > 0.6).astype(int), p

    y, label, p = drawn(400_000)
    truth = next(iter(evaluate(None, None, y, y_pred=label, y_proba=p, metrics=metric))).value
    samples = np.repeat(np.arange(250), n)
    y, label, p = drawn(len(samples))
    found = []
    for i in range(250):
        part = samples == i
        report = evaluate(
            None,
            None,
            y[part],
            y_pred=label[part],
            y_proba=p[part],
            metrics=metric,
            confidence=0.95,
            draws=400,
        )
        (e,) = report
        found.append(e.low <= truth <= e.high)
    assert 0.89 <= np.mean(found) <= 0.995


@pytest.mark.parametrize("metric", ["r2", "rmse", "median_absolute_error", "mse"])
def test_intervals_of_reals_cover_the_truth(metric: str) -> None:
    """The same for regression, weighted and by group."""
    rng = np.random.default_rng(1)
    groups = np.repeat([f"g{i}" for i in range(100)], 120)

    def drawn(size: int) -> tuple[Any, Any, Any]:
        y = rng.normal(size=size) + 50
        return y, y + 0.7 * rng.normal(size=size), rng.gamma(3.0, size=size)

    y, said, w = drawn(400_000)
    truth = one(y, metric, y_pred=said, sample_weight=w).value
    y, said, w = drawn(len(groups))
    report = evaluate(
        None,
        None,
        y,
        y_pred=said,
        metrics=metric,
        sample_weight=w,
        partitions=by_labels(groups),
        confidence=0.95,
    )
    assert 0.87 <= np.mean([e.low <= truth <= e.high for e in report]) <= 0.995


def test_delong_is_the_variance_of_placements() -> None:
    """On the ranks of a small example, computed by hand."""
    y = np.array([0, 0, 0, 1, 1])
    p = np.array([0.1, 0.4, 0.5, 0.45, 0.9])
    e = one(y, "roc_auc", y_pred=y, y_proba=p)
    positives, negatives = np.array([2 / 3, 1.0]), np.array([1.0, 1.0, 0.5])
    variance = positives.var(ddof=1) / 2 + negatives.var(ddof=1) / 3
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    assert e.value == pytest.approx(5 / 6)
    np.testing.assert_allclose([e.low, e.high], [5 / 6 - half, 1.0], rtol=1e-9)


def test_the_seed_decides() -> None:
    """The same seed gives the same interval, another one another; no global state is used."""
    rng = np.random.default_rng(0)
    y, said = rng.normal(size=80), rng.normal(size=80)
    state = np.random.get_state(legacy=False)
    a, b, c = (one(y, "rmse", y_pred=said, random_state=s) for s in (0, 0, 1))
    np.testing.assert_equal(np.random.get_state(legacy=False), state)
    assert a == b and a[:4] == c[:4] and a[4:6] != c[4:6]


def test_undefined_draws_and_parts() -> None:
    """An interval that half of the draws don't define is NaN; so is a jackknife's."""
    draws = np.array([[1.0, 2.0, np.nan, 3.0], [1.0, np.nan, np.nan, np.nan]])
    low, high = percentile(draws, 0.9)
    assert np.isfinite([low[0], high[0]]).all() and np.isnan([low[1], high[1]]).all()
    assert np.isnan(jackknife(1.0, np.array([1.0, np.nan]), 0.9)).all()


def test_a_group_of_one_row() -> None:
    """It has a value and, where a spread is needed, no interval."""
    mae = one([1.0], "mae", y_pred=[2.0])
    assert mae.value == 1.0 and np.isnan(mae.low)
    acc = one([1], "accuracy", y_pred=[1], classes=[0, 1])
    assert acc.value == 1.0 and 0 < acc.low < 0.3 and acc.high == 1.0


def test_a_histogram_has_an_interval() -> None:
    """About as wide as that of the exact area."""
    rng = np.random.default_rng(2)
    y = np.arange(500) % 2
    p = 1 / (1 + np.exp(-rng.normal(size=500) - y))
    exact, binned = (one(y, m, y_proba=p) for m in ("roc_auc", "roc_auc_histogram"))
    assert binned.high - binned.low == pytest.approx(exact.high - exact.low, rel=0.15)


def test_a_jackknife_is_near_the_bootstrap() -> None:
    """Average precision: the interval from 20 parts against 500 recomputations."""
    rng = np.random.default_rng(5)
    y = (rng.random(600) < 0.3).astype(int)
    p = 1 / (1 + np.exp(-rng.normal(size=600) - y))
    e = one(y, "average_precision", y_pred=(p > 0.5).astype(int), y_proba=p)
    draws = [rng.integers(600, size=600) for _ in range(500)]
    spread = np.std([average_precision_score(y[d], p[d]) for d in draws])
    assert (e.high - e.low) / 2 == pytest.approx(2.09 * spread, rel=0.5)
