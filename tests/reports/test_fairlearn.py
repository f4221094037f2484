"""fairlearn's MetricFrame on random weighted grouped data says the same."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl
from sklearn import metrics as sk

from mlpkit import cross, evaluate

pytestmark = pytest.mark.once

BINARY: dict[str, Any] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "false_negative_rate": fl.false_negative_rate,
}
REAL: dict[str, Any] = {
    "r2": sk.r2_score,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "median_absolute_error": sk.median_absolute_error,
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_values_differences_and_ratios(task: str, weighted: bool, seed: int) -> None:
    """Over all rows, by two features crossed, and between their groups."""
    rng = np.random.default_rng(seed)
    n = 900
    frame = pd.DataFrame(
        {"sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]), "race": rng.choice(list("abc"), n)}
    )
    y: Any
    y_pred: Any
    if task == "binary":
        named, y = BINARY, rng.integers(2, size=n)
        y_pred = np.where(rng.random(n) < 0.7, y, 1 - y)
    else:
        named, y = REAL, rng.gamma(2.0, size=n)
        y_pred = y + rng.normal(size=n) * 0.2
    w = rng.gamma(1.0, size=n) if weighted else None
    params = None if w is None else {name: {"sample_weight": w} for name in named}
    expected = fl.MetricFrame(
        metrics=named, y_true=y, y_pred=y_pred, sensitive_features=frame, sample_params=params
    )
    report = evaluate(
        None,
        frame,
        y,
        y_pred=y_pred,
        metrics=list(named),
        partitions=cross("sex", "race"),
        sample_weight=w,
        min_rows=1,
        task="regression" if task == "regression" else None,
    )
    for name in named:
        assert report[name] == pytest.approx(expected.overall[name], rel=1e-12)
        for e in report.select(name):
            sex, race = e.partition.split(" & ")
            assert e.value == pytest.approx(expected.by_group.loc[(sex, race), name], rel=1e-12)
        assert report.difference(name) == pytest.approx(expected.difference()[name], rel=1e-9)
        to_all = expected.difference(method="to_overall")[name]
        assert report.difference(name, to="all") == pytest.approx(to_all, rel=1e-9)
        assert report.ratio(name) == pytest.approx(expected.ratio()[name], rel=1e-9)
