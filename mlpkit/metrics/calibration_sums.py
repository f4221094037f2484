"""Sums of rows with similar predictions, by group, from which calibration is computed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.metrics.prediction_intervals import in_interval
from mlpkit.plugin import Array, Groups, Predictions

MOST = 256  # cells of each group that are kept

# the columns of sums: rows, weight, squared weight, prediction, target, squared residual, and
# whether the target is in the predicted interval; the last four are multiplied by the weight
ROWS, WEIGHT, SQUARE, PREDICTED, OBSERVED, RESIDUAL, INSIDE = range(7)


class Cells(NamedTuple):
    """Sums of rows with similar predictions, in the order of groups and then of predictions.

    Parameters
    ----------
    groups : ndarray of shape (n_cells,)
        Index of the group of each cell.
    sums : ndarray of shape (7, n_cells)
        Sums over the rows of each cell.
    """

    groups: Array
    sums: Array

    def merged(self, most: Array) -> "Cells":
        """Neighbouring cells merged into cells of about equal weight, ``most`` in each group.

        Cells with equal predictions become one cell and are not divided.
        """
        x = self.sums[PREDICTED] / self.sums[WEIGHT]
        order = np.lexsort((x, self.groups))
        groups, sums = self.groups[order], self.sums[:, order]
        if not len(order):
            return self
        runs = _starts(groups, x[order])  # cells with equal predictions
        weight = np.add.reduceat(sums[WEIGHT], runs)
        own = groups[runs]
        total = np.bincount(own, weight, minlength=len(most))
        middle = np.cumsum(weight) - weight / 2 - (np.cumsum(total) - total)[own]
        cells = np.clip(np.floor(middle / total[own] * most[own]), 0, most[own] - 1)
        first = runs[_starts(own, cells)]
        return Cells(groups[first], np.add.reduceat(sums, first, axis=1))


def _starts(*columns: Array) -> Array:
    """The first index of each run of equal rows of some columns."""
    changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


class CalibrationSums:
    """The sums of all rows so far: at most 256 cells of similar predictions in each group.

    There is one target for a binary classifier (the positive class) and for several classes (that
    the most probable class is right), and one for each label or output otherwise. Rows of weight 0
    and rows whose prediction is not finite are left out.

    Examples
    --------
    >>> rows = Predictions("binary", np.array(["no", "yes"]), np.array([0, 1, 1]),
    ...                    np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.5, 0.5], [0.5, 0.5]]))
    >>> sums = CalibrationSums()
    >>> sums.update(rows, {"all": Groups(np.zeros(3, int), ("all",))})
    >>> cells = sums.cells("yes", np.array([10]))
    >>> cells.sums[[ROWS, PREDICTED, OBSERVED]].T.tolist()
    [[1.0, 0.2, 0.0], [2.0, 1.0, 2.0]]
    """

    def __init__(self) -> None:
        self.labels: list[GroupLabel] = []
        self.by_target: dict[str, Cells] = {}

    def update(
        self, predictions: Predictions, groups: Mapping[str, Groups], weight: Array | None = None
    ) -> None:
        """Add rows with their groups by partitioner and their weights (n,), or None."""
        n = len(predictions.y_true)
        weight = np.ones(n) if weight is None else weight
        inside = np.zeros(n)
        if predictions.y_interval is not None:
            inside = in_interval(predictions)
        new = CalibrationSums()
        new.labels = [(name, group) for name, g in groups.items() for group in g.names]
        for target, x, y in _targets(predictions):
            used = np.argsort(x)  # the sorting by group is faster afterwards
            used = used[((weight > 0) & np.isfinite(x) & np.isfinite(y))[used]]
            sums = _row_sums(x[used], y[used], weight[used], inside[used])
            parts, start = [], 0
            for g in groups.values():
                cells = _cells(g, used, sums)
                merged = cells.merged(np.full(len(g.names), MOST))
                parts.append(Cells(merged.groups + start, merged.sums))
                start += len(g.names)
            new.by_target[target] = _joined(parts)
        merged_sums = self + new
        self.labels, self.by_target = merged_sums.labels, merged_sums.by_target

    def __add__(self, other: "CalibrationSums") -> "CalibrationSums":
        """The sums over the rows of both; neither is changed."""
        result = CalibrationSums()
        result.labels = list(dict.fromkeys([*self.labels, *other.labels]))
        index = {label: i for i, label in enumerate(result.labels)}
        most = np.full(len(index), MOST)
        for target in dict.fromkeys([*self.by_target, *other.by_target]):
            parts = []
            for part in (self, other):
                if target in part.by_target:
                    places = np.array([index[label] for label in part.labels], dtype=np.intp)
                    groups, sums = part.by_target[target]
                    parts.append(Cells(places[groups], sums))
            joined = _joined(parts)
            result.by_target[target] = joined.merged(most) if len(parts) > 1 else joined
        return result

    def cells(self, target: str, most: Array) -> Cells:
        """The cells of a target, at most ``most`` (n_groups,) in each group."""
        return self.by_target[target].merged(most)

    def n_rows(self, target: str) -> Array:
        """Number of rows of each group, (n_groups,)."""
        groups, sums = self.by_target[target]
        return np.bincount(groups, sums[ROWS], minlength=len(self.labels))


def _row_sums(x: Array, y: Array, w: Array, inside: Array) -> Array:
    """The columns of sums for single rows, (7, n)."""
    return np.stack([np.ones(len(x)), w, w**2, w * x, w * y, w * (y - x) ** 2, w * inside])


def _cells(groups: Groups, used: Array, sums: Array) -> Cells:
    """A cell for each group of each row."""
    codes = groups.codes[used]
    if codes.ndim == 2:
        rows, own = np.nonzero(codes)
        return Cells(own, sums[:, rows])
    inside = codes >= 0
    return Cells(codes[inside].astype(np.intp), sums[:, inside])


def _joined(parts: Sequence[Cells]) -> Cells:
    """All cells."""
    groups = np.concatenate([part.groups for part in parts])
    return Cells(groups, np.concatenate([part.sums for part in parts], axis=1))


def _targets(predictions: Predictions) -> list[tuple[str, Array, Array]]:
    """Name, predictions and targets of each target, float64 (n,)."""
    task, classes, y_true, y_pred, p = predictions[:5]
    if task == "regression":
        names = [""] if y_true.shape[1] == 1 else [f"output {i}" for i in range(y_true.shape[1])]
        return [(name, y_pred[:, i], y_true[:, i]) for i, name in enumerate(names)]
    assert p is not None and classes is not None
    p = p.astype(np.float64)
    if task == "multilabel":
        return [(str(c), p[:, i], y_true[:, i] * 1.0) for i, c in enumerate(classes)]
    if p.shape[1] > 2:
        return [("", p.max(axis=1), (y_true == y_pred) * 1.0)]
    return [(str(classes[-1]), p[:, 1], (y_true == 1) * 1.0)]
