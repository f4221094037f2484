"""Intervals of many groups: what they compute, and in how much memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from mlpkit import by_column, evaluate
from mlpkit.metrics import grouping, probabilities
from mlpkit.metrics.group_sums import GroupSums
from mlpkit.reports import estimates

pytestmark = pytest.mark.once


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


def test_average_precision_of_many_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn's function, whose checks take longer than a small group, is not called."""
    monkeypatch.setattr(probabilities, "average_precision_score", None)
    report, _ = many_groups(50, "average_precision")
    assert report.entries[1].low < report.entries[1].value < report.entries[1].high
