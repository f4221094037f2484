"""Intervals: the numbers of the closed forms, of the jackknife and of the bootstrap."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from mlpkit import evaluate
from mlpkit.metrics.classification import balanced_accuracy
from mlpkit.metrics.intervals import jackknife, percentile, wilson

pytestmark = pytest.mark.once


def one(y: Any, metrics: str, **options: Any) -> Any:
    """The entry of the whole, at 95 percent."""
    return next(iter(evaluate(None, None, y, metrics=metrics, confidence=0.95, **options)))


@pytest.mark.parametrize("n", [5, 37, 399])
def test_a_mean_has_its_t_interval(n: int) -> None:
    """Rows with a block each and no weights: exactly the textbook's."""
    rng = np.random.default_rng(n)
    y, y_pred = rng.normal(size=n), rng.normal(size=n)
    e = one(y, "mae", y_pred=y_pred)
    errors = np.abs(y - y_pred)
    low, high = stats.t.interval(0.95, n - 1, errors.mean(), stats.sem(errors))
    np.testing.assert_allclose([e.low, e.high], [low, high], rtol=1e-9)


def test_a_proportion_has_wilsons_interval() -> None:
    """As scipy's binomtest has it; equal weights change nothing, unequal ones widen it."""
    y, y_pred = np.arange(50) % 2, np.ones(50, dtype=int)
    y_pred[:20] = y[:20]
    right = int((y == y_pred).sum())
    expected = stats.binomtest(right, 50).proportion_ci(0.95, method="wilson")
    for w in (None, np.full(50, 3.0)):
        e = one(y, "accuracy", y_pred=y_pred, sample_weight=w)
        np.testing.assert_allclose([e.low, e.high], expected, rtol=1e-9)
    rough = one(y, "accuracy", y_pred=y_pred, sample_weight=np.repeat([1.0, 9.0], 25))
    assert rough.high - rough.low > e.high - e.low
    assert np.isnan(wilson(np.array(0.0), np.array(0.0), 0.95)).all()


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
    y, y_pred = rng.normal(size=80), rng.normal(size=80)
    state = np.random.get_state(legacy=False)
    a, b, c = (one(y, "rmse", y_pred=y_pred, random_state=s) for s in (0, 0, 1))
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


def test_balanced_accuracy_adds_wilsons_intervals() -> None:
    """By hand for three classes; weights of classes change nothing, those of rows do."""
    y = np.repeat([0, 1, 2], [30, 12, 8])
    y_pred = np.where(np.arange(50) % 4 == 0, (y + 1) % 3, y)
    right, n = np.array([(y_pred == y)[y == c].sum() for c in range(3)]), np.bincount(y)
    ends = np.array(
        [
            stats.binomtest(int(r), int(k)).proportion_ci(0.95, method="wilson")
            for r, k in zip(right, n, strict=True)
        ]
    )
    distances = np.sqrt(np.square(ends.T - right / n).sum(axis=1)) / 3
    value = (right / n).mean()
    for options in ({}, {"class_weight": "balanced"}, {"sample_weight": np.full(50, 2.0)}):
        e = one(y, "balanced_accuracy", y_pred=y_pred, **options)
        np.testing.assert_allclose([e.low, e.high], value + distances * [-1, 1], rtol=1e-9)
    rough = one(y, "balanced_accuracy", y_pred=y_pred, sample_weight=np.tile([1, 9, 9, 1, 1.0], 10))
    assert rough.high - rough.low > e.high - e.low
    single = one(y[:30], "balanced_accuracy", y_pred=y[:30], classes=[0, 1, 2])
    assert single.high == 1.0 and 0.8 < single.low < 0.95


def test_a_failing_interval_is_undefined_and_told() -> None:
    """A function for a value's interval that raises costs the interval, not the report."""

    def failing(s: Any, confidence: float) -> Any:
        raise ZeroDivisionError("no such interval")

    metric = replace(balanced_accuracy(), interval=failing)
    report = evaluate(None, None, [0, 1], y_pred=[0, 1], metrics=metric, confidence=0.95)
    (e,) = report
    assert e.value == 1.0 and np.isnan([e.low, e.high]).all()
    assert "no such interval" in report.errors["balanced_accuracy"]


@pytest.mark.parametrize("weighted", [False, True])
def test_areas_equal_scikit_learns(weighted: bool) -> None:
    """With ties, weights, and weights of 0."""
    rng = np.random.default_rng(0)
    for n in (2, 5, 300):
        y = np.arange(n) % 2
        p = rng.integers(6, size=n) / 5
        w = rng.integers(3, size=n) + (np.arange(n) < 2.0) if weighted else None
        e = one(y, "roc_auc", y_pred=y, y_proba=p, sample_weight=w)
        assert e.value == pytest.approx(roc_auc_score(y, p, sample_weight=w), abs=1e-12)
        e = one(y, "average_precision", y_pred=y, y_proba=p, sample_weight=w)
        expected = average_precision_score(y, p, sample_weight=w)
        assert e.value == pytest.approx(expected, abs=1e-12)
