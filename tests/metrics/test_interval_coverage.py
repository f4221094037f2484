"""Of 95 percent intervals, about 95 percent contain what they estimate."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlpkit import by_column, by_labels, evaluate
from mlpkit.metrics.classification import balanced_accuracy

pytestmark = pytest.mark.once


def one(y: Any, metrics: str, **options: Any) -> Any:
    """The entry of the whole, at 95 percent."""
    return next(iter(evaluate(None, None, y, metrics=metrics, confidence=0.95, **options)))


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
    results = []
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
        results.append(e.low <= truth <= e.high)
    assert 0.89 <= np.mean(results) <= 0.995


@pytest.mark.parametrize("metric", ["r2", "rmse", "median_absolute_error", "mse"])
def test_intervals_of_reals_cover_the_truth(metric: str) -> None:
    """The same for regression, weighted and by group."""
    rng = np.random.default_rng(1)
    groups = np.repeat([f"g{i}" for i in range(100)], 120)

    def drawn(size: int) -> tuple[Any, Any, Any]:
        y = rng.normal(size=size) + 50
        return y, y + 0.7 * rng.normal(size=size), rng.gamma(3.0, size=size)

    y, y_pred, w = drawn(400_000)
    truth = one(y, metric, y_pred=y_pred, sample_weight=w).value
    y, y_pred, w = drawn(len(groups))
    report = evaluate(
        None,
        None,
        y,
        y_pred=y_pred,
        metrics=metric,
        sample_weight=w,
        partitions=by_labels(groups),
        confidence=0.95,
    )
    assert 0.87 <= np.mean([e.low <= truth <= e.high for e in report]) <= 0.995


@pytest.mark.parametrize("n", [30, 80, 600])
def test_balanced_accuracy_covers_as_the_bootstrap_does(n: int) -> None:
    """Closed form and bootstrap on the same 400 samples; in small ones the bootstrap is wider."""
    rng = np.random.default_rng(n)
    samples = np.repeat(np.arange(400), n)
    y = (rng.random(len(samples)) < 0.3).astype(int)
    y_pred = np.where(rng.random(len(samples)) < np.where(y == 1, 0.7, 0.85), y, 1 - y)
    closed = balanced_accuracy()
    report = evaluate(
        None,
        samples[:, None],
        y,
        y_pred=y_pred,
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
