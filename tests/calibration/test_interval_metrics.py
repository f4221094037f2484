"""Coverage and width of predicted intervals, over all rows and by group."""

from typing import Any

import numpy as np
import pytest

from mlpkit import Dataset, MLPRegressor, by_labels, evaluate

RNG = np.random.RandomState(0)
X = RNG.standard_normal((900, 2))
GROUP = np.where(X[:, 1] > 0.5, "noisy", "quiet")
Y = X[:, 0] + np.where(GROUP == "noisy", 1.5, 0.2) * RNG.standard_normal(900)
METRICS = ["interval_coverage", "interval_width", "mae"]
pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def test_reports_of_estimators() -> None:
    """Coverage holds over all rows, and a report shows the group for which it does not."""
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=30, learning_rate_init=0.01, random_state=0
    )
    reg.fit(X[:300], Y[:300], X_val=X[300:600], y_val=Y[300:600])
    rows, group = slice(600, 900), GROUP[600:]
    report = evaluate(
        reg,
        X[rows],
        Y[rows],
        metrics=METRICS,
        partitions=by_labels(group, name="group"),
        confidence=0.95,
        coverage=0.8,
    )
    low, high = reg.predict_interval(X[rows], 0.8).T
    inside = (low <= Y[rows]) & (Y[rows] <= high)
    assert report["interval_coverage"] == pytest.approx(inside.mean())
    assert report["interval_width"] == pytest.approx((high - low).mean())
    assert abs(report["interval_coverage"] - 0.8) < 0.1
    worst = report.worst("interval_coverage")
    assert worst.partition == "noisy" and worst.value == inside[group == "noisy"].mean()
    assert worst.low < worst.value < worst.high < 0.8
    assert evaluate(reg, X, Y, metrics=METRICS[:1])["interval_coverage"] > 0.8  # the default is 0.9


def test_reports_of_plain_intervals() -> None:
    """Also chunk by chunk, and weighted."""
    bounds, w = np.column_stack([Y - 1, Y - 1 + RNG.uniform(0, 2, 900)]), RNG.random_sample(900)
    options: dict[str, Any] = {"y_pred": Y, "y_interval": bounds, "sample_weight": w}
    whole = evaluate(None, None, Y, metrics=METRICS[:2], **options)
    inside = bounds[:, 1] >= Y
    assert whole["interval_coverage"] == pytest.approx(np.average(inside, weights=w))
    chunks = [
        Dataset(None, Y[i], w[i], y_pred=Y[i], y_interval=bounds[i])
        for i in np.split(np.arange(900), [100, 350])
    ]
    merged = evaluate(None, chunks, metrics=METRICS[:2])
    assert merged["interval_width"] == pytest.approx(whole["interval_width"])


def test_what_is_not_accepted() -> None:
    """The messages say what to do."""
    reg = MLPRegressor(max_iter=2, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="needs intervals. Use mlpkit.evaluate with .* calibrate"):
        evaluate(reg, X, Y, metrics="interval_coverage")
    with pytest.raises(ValueError, match="needs intervals"):
        MLPRegressor(metrics="interval_width").fit(X, Y)
    with pytest.raises(ValueError, match="needs intervals"):
        MLPRegressor(early_stopping_on="interval_width").fit(X, Y)
    with pytest.raises(ValueError, match=r"must have the shape \(900, 2\).* got \(900,\)"):
        evaluate(None, None, Y, y_pred=Y, y_interval=Y, metrics="interval_width")
    with pytest.raises(ValueError, match="coverage must be between 0 and 1"):
        evaluate(reg, X, Y, coverage=90)
