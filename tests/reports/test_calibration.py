"""Predictions against targets: bins by group, their intervals, and the merging of reports."""

import pickle
from typing import Any

import numpy as np
import pytest
from grouped import rows
from scipy.stats import t as student

from mlpkit import PartitionReport, by_function, by_labels, evaluate
from mlpkit.metrics.intervals import wilson
from mlpkit.reports.calibration import Calibration
from mlpkit.reports.entries import CalibrationBin

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
N = 200
P = RNG.random(N)
Y = (RNG.random(N) < P**2).astype(int)
GROUPS = np.array(["a", "b"])[RNG.integers(0, 2, N)]


def calibration(y: Any = Y, p: Any = P, groups: Any = GROUPS, **options: Any) -> Calibration:
    """The calibration of predicted probabilities."""
    report = evaluate(
        None,
        None,
        y,
        y_proba=p,
        metrics="log_loss",
        partitions=() if groups is None else by_labels(groups, name="g"),
        calibration=True,
        min_rows=1,
        **options,
    )
    assert report.calibration is not None
    return report.calibration


def of(result: Calibration, *label: str, target: str = "1") -> list[CalibrationBin]:
    """The bins of a group."""
    return [b for b in result if (b.partitioner, b.partition) == label and b.target == target]


def test_bins_are_tenths_of_the_sorted_rows() -> None:
    """Means of equal numbers of rows with rising predictions, over all rows and by group."""
    bins = of(calibration(), "all", "all")
    order = np.argsort(P)
    for b, part in zip(bins, np.array_split(order, 10), strict=True):
        assert (b.n_rows, b.weight, b.target) == (20, 20.0, "1")
        assert b.predicted == pytest.approx(P[part].mean(), rel=1e-12)
        assert b.observed == pytest.approx(Y[part].mean(), rel=1e-12)
        assert np.isnan(b.low) and np.isnan(b.coverage)


def test_groups_are_those_of_their_rows_alone() -> None:
    """The bins of a group equal those of an evaluation of its rows; overlapping groups too."""
    result = calibration(confidence=0.9)
    for group in "ab":
        own = GROUPS == group
        alone = of(calibration(Y[own], P[own], None, confidence=0.9), "all", "all")
        assert [b[3:] for b in alone] == [
            pytest.approx(b[3:], rel=1e-12, nan_ok=True) for b in of(result, "g", group)
        ]
    masks = by_function(lambda X: {"a": GROUPS == "a", "every": np.ones(N, bool)}, name="m")
    report = evaluate(
        None, P[:, None], Y, y_proba=P, partitions=masks, calibration=True, confidence=0.9
    )
    assert report.calibration is not None
    for label, same in ((("m", "a"), ("g", "a")), (("m", "every"), ("all", "all"))):
        bins, others = of(report.calibration, *label), of(result, *same)
        assert [b[3:] for b in bins] == [
            pytest.approx(b[3:], rel=1e-12, nan_ok=True) for b in others
        ]


def test_intervals() -> None:
    """Wilson's for frequencies, and Student's t of the residuals for real targets."""
    for b in of(calibration(confidence=0.9), "all", "all"):
        expected = wilson(np.array(b.observed * b.n_rows), np.array(float(b.n_rows)), 0.9)
        assert (b.low, b.high) == pytest.approx((float(expected[0]), float(expected[1])))
    data = rows("regression")
    report = evaluate(
        None, None, data.y, y_pred=data.label, calibration=True, confidence=0.9, metrics="mae"
    )
    assert report.calibration is not None
    (mean,) = report.calibration.means
    residuals = data.y - data.label
    low, high = student.interval(
        0.9, len(residuals) - 1, residuals.mean(), residuals.std(ddof=1) / len(residuals) ** 0.5
    )
    expected_ends = (data.label.mean() + low, data.label.mean() + high)
    assert (mean.low, mean.high) == pytest.approx(expected_ends)


def test_equal_predictions_are_in_one_bin() -> None:
    """Also if they are more rows than a bin should have."""
    p = np.repeat([0.1, 0.4, 0.9], [150, 30, 20])
    bins = of(calibration(p=p, groups=None), "all", "all")
    assert [(round(b.predicted, 12), b.n_rows) for b in bins] == [(0.1, 150), (0.4, 30), (0.9, 20)]


def test_weights() -> None:
    """Means are weighted, the size of the sample is the effective one, and weight 0 is no row."""
    w = RNG.integers(0, 4, N).astype(float)
    (mean,) = [
        m for m in calibration(sample_weight=w, confidence=0.9).means if m.partitioner == "all"
    ]
    assert mean.observed == pytest.approx(np.average(Y, weights=w))
    assert mean.predicted == pytest.approx(np.average(P, weights=w))
    assert (mean.n_rows, mean.weight) == (np.count_nonzero(w), w.sum())
    size = np.array(w.sum() ** 2 / (w**2).sum())
    expected = wilson(mean.observed * size, size, 0.9)
    assert (mean.low, mean.high) == pytest.approx(tuple(map(float, expected)))


class SortedRows:
    """Predictions and targets of rows that are sorted by three groups."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(1)
        self.p = rng.beta(2, 5, n)
        self.y = (rng.random(n) < self.p).astype(int)
        self.groups = np.array(["a", "b", "c"])[np.sort(rng.integers(0, 3, n))]
        third = n // 3  # not all groups are in each part
        self.parts = [slice(0, third), slice(third, 2 * third), slice(2 * third, n)]
        self.options: dict[str, Any] = {"classes": [0, 1], "metrics": "log_loss"}
        self.options["confidence"] = 0.95

    def report(self, part: slice = slice(None), calibration: bool = True) -> PartitionReport:
        """Evaluate a part of the rows."""
        groups = by_labels(self.groups[part], name="g")
        return evaluate(
            *(None, None, self.y[part]),
            y_proba=self.p[part],
            partitions=groups,
            calibration=calibration,
            **self.options,
        )

    def streamed(self) -> PartitionReport:
        """Evaluate the parts as chunks of one stream."""
        chunks = (
            {"y": self.y[s], "y_proba": self.p[s], "labels": {"g": self.groups[s]}}
            for s in self.parts
        )
        groups = by_labels("g")
        return evaluate(None, chunks, partitions=groups, calibration=True, **self.options)


@pytest.mark.parametrize("n", [120, 20_000])
def test_merged_and_streamed(n: int) -> None:
    """Chunks and merged reports have all rows; the edges of their bins shift a little at most."""
    data = SortedRows(n)
    whole = data.report().calibration
    one, two, three = map(data.report, data.parts)
    assert whole is not None
    for report in (one + two + three, one + (two + three), data.streamed()):
        merged = report.calibration
        assert merged is not None
        assert {m[:3]: m[8] for m in merged.means} == {m[:3]: m[8] for m in whole.means}
        for mean in merged.means:
            (same,) = (m for m in whole.means if m[:3] == mean[:3])
            assert mean[3:7] == pytest.approx(same[3:7], rel=1e-9)
        for label in dict.fromkeys(b[1:3] for b in whole):
            bins, others = of(merged, *label), of(whole, *label)
            assert len(bins) == len(others)
            for b, other in zip(bins, others, strict=True):
                assert b.n_rows == pytest.approx(other.n_rows, rel=0.12)
                assert b.predicted == pytest.approx(other.predicted, abs=0.01)
    assert (one + data.report(data.parts[1])).calibration is not None
    plain = data.report(calibration=False)
    assert plain.calibration is None and (plain + one).calibration is None


def test_tasks() -> None:
    """The most probable class of several, each label, each output, and intervals of one output."""
    data = rows("multiclass")
    result = calibration(data.y, data.p, data.groups)
    (mean,) = (m for m in result.means if m.partitioner == "all")
    assert result.targets == [""] and result.task == "multiclass"
    assert mean.predicted == pytest.approx(data.p.max(axis=1).mean())
    assert mean.observed == pytest.approx((data.y == data.label).mean())
    data = rows("multilabel")
    result = evaluated(data)
    assert result.targets == ["0", "1", "2"]
    for i, m in enumerate(result.means):
        assert (m.predicted, m.observed) == pytest.approx(
            (data.p[:, i].mean(), data.y[:, i].mean())
        )
    data = rows("several")
    result = evaluated(data)
    assert result.targets == ["output 0", "output 1", "output 2"]
    for i, m in enumerate(result.means):
        assert (m.predicted, m.observed) == pytest.approx(
            (data.label[:, i].mean(), data.y[:, i].mean())
        )


def evaluated(data: Any) -> Calibration:
    """The calibration of rows of a task, over all rows."""
    report = evaluate(None, None, data.y, y_pred=data.label, y_proba=data.p, calibration=True)
    assert report.calibration is not None
    return report.calibration


def test_coverage() -> None:
    """Predicted intervals are counted if a metric needs them."""
    data = rows("regression")
    bounds = np.column_stack([data.label - 0.3, data.label + 0.3])
    options: Any = {"y_pred": data.label, "y_interval": bounds, "coverage": 0.8}
    options["calibration"] = True
    report = evaluate(None, None, data.y, metrics=["mae", "interval_coverage"], **options)
    assert report.calibration is not None and report.calibration.coverage == 0.8
    (mean,) = report.calibration.means
    assert mean.coverage == pytest.approx(report["interval_coverage"])
    without = evaluate(None, None, data.y, metrics="mae", **options).calibration
    assert without is not None and without.coverage is None and np.isnan(without.means[0].coverage)


def test_undefined_predictions_are_left_out() -> None:
    """Rows with an infinite or undefined prediction."""
    y_pred = np.where(np.arange(N) < 5, np.nan, np.where(np.arange(N) < 9, np.inf, P))
    report = evaluate(
        None,
        None,
        P,
        y_pred=y_pred,
        task="regression",
        metrics={"rows": lambda y, p, sample_weight=None: 1.0},
        calibration=True,
    )
    assert report.calibration is not None
    (mean,) = report.calibration.means
    assert mean.n_rows == N - 9 and mean.predicted == pytest.approx(mean.observed)


def test_export_and_errors() -> None:
    """Tables, text, pickles, and what is needed."""
    result = calibration()
    assert list(result.to_frame().columns) == list(CalibrationBin._fields)
    assert len(result.to_frame()) == len(result) == len(list(result))
    assert (result.to_csv() or "").startswith("target,partitioner,partition,predicted")
    assert "difference" in str(result) and repr(result).startswith("<Calibration of 1: ")
    assert str(pickle.loads(pickle.dumps(result))) == str(result)
    with pytest.raises(ValueError, match=r"calibration=True needs probabilities.*y_proba"):
        evaluate(None, None, Y, y_pred=Y, metrics="accuracy", calibration=True)
