"""The accumulator as training uses it: groups made once, metrics that may fail."""

from typing import Any

import numpy as np
import pytest

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import metrics_of
from mlpkit.metrics.predictions import from_outputs, true_values
from mlpkit.plugin import Array, Groups, Metric, Predictions
from mlpkit.reports.estimates import ReportOptions
from mlpkit.reports.report import PartitionReport

pytestmark = pytest.mark.once

N = 200
RNG = np.random.default_rng(0)
GROUPS = {
    "all": Groups(np.zeros(N, int), ("all",)),
    "sex": Groups(RNG.integers(2, size=N), ("f", "m")),
    "far": Groups(RNG.random((N, 2)) < 0.5, ("x", "y")),
}


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_of_a_network(task: Any, dtype: str) -> None:
    """Encoded targets and outputs, grouped once for all epochs, are what fresh groups give."""
    k = {"binary": 1, "multiclass": 3, "multilabel": 2, "regression": 1}[task]
    p = RNG.dirichlet(np.ones(3), N) if task == "multiclass" else RNG.random((N, k))
    p, y = p.astype(dtype), RNG.random((N, k)) < 0.5
    if task == "multiclass":
        y = np.eye(3, dtype=bool)[RNG.integers(3, size=N)]
    if task == "regression":
        y = RNG.random((N, 1)).astype(dtype)
    w = RNG.random(N)
    rows = from_outputs(task, np.arange(max(k, 2)), true_values(task, y), p)
    metrics = metrics_of(None, task)
    grouping = Accumulator(metrics).grouping(rows, GROUPS, w)
    fresh = Accumulator(metrics)
    fresh.update(rows, GROUPS, w)
    for _ in range(2):
        epoch = Accumulator(metrics)
        epoch.update_grouped(rows, grouping)
        assert epoch.labels == fresh.labels
        for a, b in zip(epoch.values(), fresh.values(), strict=True):
            assert a.dtype == np.float64
            np.testing.assert_array_equal(a, b)
    report = PartitionReport(epoch, [], {}, ReportOptions(None, 1, 100, 0))
    assert np.isfinite(report[metrics[0].name])


def broken(scored: Predictions) -> Array:
    """Terms that can't be had."""
    raise RuntimeError("no luck")


def odd(scored: Predictions) -> Array:
    """Terms of a wrong shape."""
    return np.zeros(3)


def mean(s: Array) -> tuple[Array, Array]:
    """The first term over the weight."""
    return s[..., 1], s[..., 0]


@pytest.mark.parametrize(("terms", "reason"), [(broken, "no luck"), (odd, r"shape \(200,\)")])
def test_nothing_is_lost_because_a_metric_fails(terms: Any, reason: str) -> None:
    """Strictly it is an error that names it; in training it is NaN from then on."""
    metrics = [Metric("bad", ("binary",), True, row_statistics=terms, ratio=mean)]
    metrics += metrics_of("accuracy", "binary")
    rows = Predictions("binary", np.arange(2), RNG.integers(2, size=N), RNG.integers(2, size=N))
    with pytest.raises(ValueError, match=f"Metric 'bad' failed: .*{reason}"):
        Accumulator(metrics).update(rows, GROUPS)
    lenient = Accumulator(metrics, strict=False)
    lenient.update(rows, GROUPS)
    lenient.update(rows, GROUPS)
    bad, good = lenient.values()
    assert np.isnan(bad).all() and np.isfinite(good).all()
    assert list(lenient.errors) == ["bad"]
