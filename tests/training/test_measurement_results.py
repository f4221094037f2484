"""Invalid results of partitioners and metrics raise errors."""

from typing import Any

import numpy as np
import pytest
from invalid_results import X, Y, error_of, estimator

from mlpkit import by_column, cross, evaluate
from mlpkit.plugin import CellCounts, Groups, InvalidResult, Metric, Partitioner, Predictions

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def grouped(codes: Any, *names: Any) -> Partitioner:
    """A partitioner that returns these groups."""
    return Partitioner("mine", lambda data: 0, lambda fitted, data: Groups(codes, names))


HALVES: Any = np.arange(60) % 2


@pytest.mark.parametrize(
    ("partitioner", "expected"),
    [
        (grouped(HALVES / 2, "a", "b"), "codes are float64; expected integers"),
        (grouped(HALVES == 1, "a", "b"), "codes are bool; expected integers"),
        (grouped(HALVES, "a"), "codes are from 0 to 1; expected -1 to 0, indices into 1 names"),
        (grouped(HALVES - 2, "a"), "codes are from -2 to -1; expected -1 to 0"),
        (grouped(HALVES[:7], "a", "b"), "groups of 7 rows; expected 60"),
        (grouped(HALVES.tolist(), "a", "b"), "expected an integer array of shape (n_rows,)"),
        (grouped(HALVES, "a", "a"), "group names are ('a', 'a'); expected distinct strings"),
        (grouped(HALVES, "a", 1), "group names are ('a', 1); expected distinct strings"),
        (grouped(np.ones((60, 2)), "a", "b"), "codes are float64 of shape (60, 2); expected bool"),
        (grouped(np.ones((60, 3), bool), "a", "b"), "codes are bool of shape (60, 3); expected"),
        (Partitioner("mine", len, lambda fitted, data: HALVES), "`assign` returned array("),
    ],
)
def test_groups_of_a_partitioner(partitioner: Partitioner, expected: str) -> None:
    """In a fit, in an evaluation, and as a part of a cross."""
    clf = estimator("numpy", partitions=partitioner, metrics="accuracy")
    text = error_of(clf)
    assert text.startswith("partitioner 'mine': ")
    assert expected in text
    fitted = estimator("numpy").fit(X, Y)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=partitioner)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=cross(by_column(0, max_groups=99), partitioner))


def count_metric(**changes: Any) -> Metric:
    """A metric with invalid `CellCounts`."""
    counts = {"codes": HALVES, "cells": 2, "values": None, **changes}
    return Metric(
        "mine", ("multiclass",), True, row_statistics=lambda s: CellCounts(**counts), value=last
    )


def last(sums: Any) -> Any:
    """The last of the sums."""
    return sums[..., -1]


def accuracy(scored: Predictions) -> Any:
    """The correct predictions."""
    return (scored.y_true == scored.y_pred) * 1.0


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (count_metric(codes=HALVES + 1), "codes must be from -1 to 1, got 1 to 2"),
        (
            count_metric(codes=HALVES[:7]),
            r"codes must be integers of .*, got int64 of shape \(7,\)",
        ),
        (count_metric(codes=HALVES / 2), r"codes must be integers of .*, got float64"),
        (count_metric(values=np.ones(7)), r"values must have shape \(60,\), got \(7,\)"),
        (
            Metric("mine", ("multiclass",), True, row_statistics=accuracy, value=np.sum),
            r"value must return an array of shape \(1,\), got shape \(\)",
        ),
        (
            Metric("mine", ("multiclass",), True, row_statistics=accuracy, ratio=lambda s: (s, s)),
            r"ratio must return two arrays of shape \(1,\), got shapes \(1, 2\) and \(1, 2\)",
        ),
    ],
)
def test_sums_of_a_metric(metric: Metric, expected: str) -> None:
    """They are neither added to other groups nor broadcast."""
    fitted = estimator("numpy").fit(X, Y)
    with pytest.raises(ValueError, match=f"Metric 'mine' failed: .*{expected}"):
        evaluate(fitted, X, Y, metrics=metric)
