"""Intervals: the closed forms' own numbers, and coverage of what they estimate."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from mlpkit import by_column, by_labels, evaluate
from mlpkit.metrics import grouping, probabilities
from mlpkit.metrics.classification import balanced_accuracy
from mlpkit.metrics.group_sums import GroupSums
from mlpkit.metrics.intervals import jackknife, percentile, wilson
from mlpkit.reports import estimates

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


def test_balanced_accuracy_adds_wilsons_intervals() -> None:
    """By hand for three classes; weights of classes change nothing, those of rows do."""
    y = np.repeat([0, 1, 2], [30, 12, 8])
    said = np.where(np.arange(50) % 4 == 0, (y + 1) % 3, y)
    right, n = np.array([(said == y)[y == c].sum() for c in range(3)]), np.bincount(y)
    ends = np.array(
        [
            stats.binomtest(int(r), int(k)).proportion_ci(0.95, method="wilson")
            for r, k in zip(right, n, strict=True)
        ]
    )
    distances = np.sqrt(np.square(ends.T - right / n).sum(axis=1)) / 3
    value = (right / n).mean()
    for options in ({}, {"class_weight": "balanced"}, {"sample_weight": np.full(50, 2.0)}):
        e = one(y, "balanced_accuracy", y_pred=said, **options)
        np.testing.assert_allclose([e.low, e.high], value + distances * [-1, 1], rtol=1e-9)
    rough = one(y, "balanced_accuracy", y_pred=said, sample_weight=np.tile([1, 9, 9, 1, 1.0], 10))
    assert rough.high - rough.low > e.high - e.low
    single = one(y[:30], "balanced_accuracy", y_pred=y[:30], classes=[0, 1, 2])
    assert single.high == 1.0 and 0.8 < single.low < 0.95


@pytest.mark.parametrize("n", [30, 80, 600])
def test_balanced_accuracy_covers_as_the_bootstrap_does(n: int) -> None:
    """Closed form and bootstrap on the same 400 samples; in small ones the bootstrap is wider."""
    rng = np.random.default_rng(n)
    samples = np.repeat(np.arange(400), n)
    y = (rng.random(len(samples)) < 0.3).astype(int)
    said = np.where(rng.random(len(samples)) < np.where(y == 1, 0.7, 0.85), y, 1 - y)
    closed = balanced_accuracy()
    report = evaluate(
        None,
        samples[:, None],
        y,
        y_pred=said,
        metrics={"closed": closed, "drawn": replace(closed, interval="bootstrap")},
        partitions=by_column(0, max_groups=400),
        confidence=0.95,
    )
    covers = {
        name: np.mean([e.low <= 0.775 <= e.high for e in report.select(name)])
        for name in ("closed", "drawn")
    }
    assert 0.93 <= covers["closed"] <= 0.985
    assert abs(covers["closed"] - 0.95) <= abs(covers["drawn"] - 0.95) + 0.015
    widths = [
        np.mean([e.high - e.low for e in report.select(name)]) for name in ("closed", "drawn")
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.25 if n < 100 else 0.02)


def many_groups(n: int, metric: str) -> Any:
    """A report of n groups of twenty rows, and the bytes that it took at most."""
    rng = np.random.default_rng(0)
    y, p = rng.integers(2, size=20 * n), rng.random(20 * n)
    groups = np.repeat(np.arange(n), 20)[:, None]
    tracemalloc.start()
    try:
        report = evaluate(
            None,
            groups,
            y,
            y_pred=(p > 0.5).astype(int),
            y_proba=p,
            metrics=metric,
            partitions=by_column(0, max_groups=n),
            confidence=0.95,
        )
        assert len(report.entries) == n + 1
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("metric", ["balanced_accuracy", "roc_auc"])
def test_closed_forms_of_many_groups_resample_nothing(
    metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do they look at all rows for each group, or keep 400 blocks of each."""

    def wrong(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not needed")

    monkeypatch.setattr(estimates, "replicates", wrong)
    monkeypatch.setattr(probabilities, "roc_auc_score", wrong)
    monkeypatch.setattr(grouping, "_members", once := Counted(grouping._members))
    report, most = many_groups(3000, metric)
    assert once.calls == (2 if metric == "roc_auc" else 0)  # of "all", and of the column
    assert most < 20 * 2**20
    assert report.entries[1].low < report.entries[1].high


class Counted:
    """A function that counts its calls."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any) -> Any:
        """Count, and pass it on."""
        self.calls += 1
        return self.function(*args)


def test_many_groups_compare() -> None:
    """Two reports of groups without 400 blocks have intervals of their differences."""
    one, _ = many_groups(1000, "balanced_accuracy")
    gaps = list(one - one)
    assert all(c.low == c.high == 0.0 for c in gaps) and len(gaps) == 1001


def test_blocks_without_rows_are_not_drawn() -> None:
    """Draws of a small group among large ones give what they give with all blocks."""
    rng = np.random.default_rng(0)
    rows = np.zeros((2, 1, 9))
    rows[0, 0, :3] = rows[1, 0, :5] = 1.0
    terms = rows[..., None] * rng.random((2, 1, 9, 2))
    empty = np.zeros((2, 1, 9, 0))
    sums = GroupSums(rows, rows, rows, terms, empty, empty, empty)
    draws = rng.poisson(1.0, (6, 9)).astype(float)
    assert sums.trimmed().rows.shape == (2, 1, 5)
    np.testing.assert_allclose(
        sums.trimmed().totals(draws=draws[:, :5]), sums.totals(draws=draws), rtol=1e-14
    )


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


def test_average_precision_of_many_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn's function, whose checks take longer than a small group, is not called."""
    monkeypatch.setattr(probabilities, "average_precision_score", None)
    report, _ = many_groups(50, "average_precision")
    assert report.entries[1].low < report.entries[1].value < report.entries[1].high
