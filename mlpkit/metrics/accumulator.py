"""Metrics of all groups over rows that arrive in chunks, and the merging of such results."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mlpkit.messages import comma_separated, exception_line
from mlpkit.metrics.group_sums import GroupSums
from mlpkit.metrics.grouping import Grouping, GroupLabel
from mlpkit.metrics.kept_rows import KeptChunk, KeptRows
from mlpkit.metrics.row_statistics import width_of
from mlpkit.metrics.values import value_of
from mlpkit.plugin import Array, CellCounts, Groups, Metric, Predictions, Task
from mlpkit.registry.labels import plugin_suffix

MAX_BLOCKS = 400  # blocks of rows in a group, for intervals; halved until the sums fit
MAX_SUMS = 2**24  # maximum number of values in the sums
MAX_COMPARED_SUMS = 2**20  # the same, if blocks are only needed to compare reports
BLOCK_INTERVALS = ("normal", "bootstrap")  # intervals that are computed from blocks


class Accumulator:
    """Sums by group, and rows where a metric needs them, of all rows so far.

    Parameters
    ----------
    metrics : sequence of Metric
        The metrics.
    balanced : bool, default=False
        Whether to weight the classes within each group as
        ``compute_sample_weight("balanced", y)`` does.
    intervals : bool, default=False
        Whether to divide the rows into blocks for resampling.
    strict : bool, default=True
        Whether a metric that raises leads to a ValueError that names it. If False, the metric is
        NaN from then on, and `errors` contains the reason.

    Examples
    --------
    >>> from mlpkit.metrics.classification import accuracy
    >>> rows = Predictions("binary", np.array([0, 1]), np.array([0, 1, 1]), np.array([0, 0, 1]))
    >>> sex = {"sex": Groups(np.array([0, 0, 1]), ("f", "m"))}
    >>> accumulator = Accumulator([accuracy()])
    >>> accumulator.update(rows, sex)
    >>> accumulator.labels, accumulator.values()[0].tolist()
    ([('sex', 'f'), ('sex', 'm')], [0.5, 1.0])
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        *,
        balanced: bool = False,
        intervals: bool = False,
        strict: bool = True,
    ) -> None:
        self.metrics, self.balanced = list(metrics), balanced
        self.intervals, self.strict = intervals, strict
        self.row_statistics = list(
            dict.fromkeys(m.row_statistics for m in metrics if m.row_statistics)
        )
        self.deviations = list(dict.fromkeys(m.deviations for m in metrics if m.deviations))
        self.labels: list[GroupLabel] = []
        self.sums: GroupSums | None = None
        self.kept = KeptRows(balanced=balanced)
        self.errors: dict[str, str] = {}
        self.widths: dict[object, int] = {}
        self.n_blocks = 1
        self.task: Task | None = None  # task and classes are those of the first rows
        self.classes: Array | None = None

    def update(
        self, predictions: Predictions, groups: Mapping[str, Groups], weight: Array | None = None
    ) -> None:
        """Add rows with their groups by partitioner and their weights (n,), or None."""
        statistics, deviations = self._columns(predictions)
        n_labels = sum(len(g.names) for g in groups.values())
        strata = self._strata(predictions)
        if self.intervals and self.sums is None:
            width = sum(self.widths.values()) * n_labels * (strata[1] if strata else 1)
            most = MAX_SUMS
            if not any(m.interval in BLOCK_INTERVALS for m in self.metrics):
                most, width = MAX_COMPARED_SUMS, width + n_labels  # the row counts need memory too
            self.n_blocks = MAX_BLOCKS
            while self.n_blocks > MAX_BLOCKS // 16 and self.n_blocks * width > most:
                self.n_blocks //= 2
        earlier_rows = {}
        if self.intervals and self.sums is not None:
            earlier_rows = dict(zip(self.labels, self.sums.n_rows.tolist(), strict=True))
        n = len(predictions.y_true)
        grouping = Grouping(groups, n, weight, strata, self.n_blocks, earlier_rows)
        self._add(predictions, grouping, statistics, deviations)

    def update_grouped(self, predictions: Predictions, grouping: Grouping) -> None:
        """Add rows with a grouping that is used in several epochs. Intervals are not supported."""
        self._add(predictions, grouping, *self._columns(predictions))

    def _add(
        self,
        predictions: Predictions,
        grouping: Grouping,
        statistics: list[Array | CellCounts],
        deviations: list[Array],
    ) -> None:
        sums = grouping.sums(statistics, deviations)
        if any(m.exact for m in self.metrics):
            chunk = KeptChunk(predictions, grouping.groups, grouping.weight)
            self.kept = self.kept.with_chunk(chunk)
        if self.sums is None:
            self.labels, self.sums = list(grouping.labels), sums
            self.task, self.classes = predictions.task, predictions.classes
        else:
            self._merge(grouping.labels, sums)

    def grouping(
        self, predictions: Predictions, groups: Mapping[str, Groups], weight: Array | None
    ) -> Grouping:
        """The grouping for `update_grouped`, for rows that are added in every epoch."""
        return Grouping(groups, len(predictions.y_true), weight, self._strata(predictions))

    def _strata(self, predictions: Predictions) -> tuple[Array, int] | None:
        if not self.balanced:
            return None
        if predictions.task not in ("binary", "multiclass") or predictions.classes is None:
            raise ValueError(
                "'balanced' weights require classes, but the task is"
                f" {predictions.task}. Pass an array as sample_weight, or None."
            )
        return predictions.y_true, len(predictions.classes)

    def _columns(self, predictions: Predictions) -> tuple[list[Array | CellCounts], list[Array]]:
        """The row statistics and the deviation columns of all metrics."""
        statistics = [self._column(f, predictions) for f in self.row_statistics]
        deviations: list[Array] = [
            self._column(f, predictions)  # type: ignore[misc]
            for f in self.deviations
        ]
        return statistics, deviations

    def _column(self, function: object, predictions: Predictions) -> Array | CellCounts:
        names = [m.name for m in self.metrics if function in (m.row_statistics, m.deviations)]
        n, width = len(predictions.y_true), self.widths.get(function, 1)
        if names[0] not in self.errors:
            try:
                column: Array | CellCounts = function(predictions)  # type: ignore[operator]
                width = width_of(column, n)
                if self.widths.setdefault(function, width) == width:
                    return column
                raise ValueError(f"it returned {width} columns after {self.widths[function]}")
            except Exception as error:
                if self.strict:
                    raise _failure(names[0], function, error) from error
                self.errors |= dict.fromkeys(names, f"{type(error).__name__}: {error}")
        return np.full((n, self.widths.setdefault(function, width)), np.nan)

    def __add__(self, other: "Accumulator") -> "Accumulator":
        """The result over the rows of both; neither is changed."""
        names, other_names = ([m.name for m in a.metrics] for a in (self, other))
        if names != other_names:
            raise ValueError(
                f"Reports of the metrics {comma_separated(names)} and of"
                f" {comma_separated(other_names)} cannot be merged. Evaluate both with the same"
                " metrics=, in the same order."
            )
        if self.balanced != other.balanced:
            raise ValueError(
                "Reports with and without balanced weights cannot be merged. Evaluate both with"
                " the same class_weight."
            )
        if self.sums is None or other.sums is None:
            merged = copy.copy(other if self.sums is None else self)
            merged.errors = dict(merged.errors)
            return merged
        check_comparable(self, other, "merged")
        if list(self.widths.values()) != list(other.widths.values()):
            raise ValueError(
                "Reports with different numbers of classes or outputs cannot be merged. Pass all"
                " classes as classes=[...]."
            )
        merged, sums = copy.copy(self), other.sums
        merged.n_blocks = min(self.n_blocks, other.n_blocks)
        while merged.sums is not None and merged.sums.rows.shape[2] > merged.n_blocks:
            merged.sums = merged.sums.folded()
        while sums.rows.shape[2] > merged.n_blocks:
            sums = sums.folded()
        merged.kept, merged.errors = self.kept + other.kept, self.errors | other.errors
        merged._merge(other.labels, sums)
        return merged

    def _merge(self, labels: list[GroupLabel], sums: GroupSums) -> None:
        """Add sums whose groups may differ from those so far."""
        assert self.sums is not None
        if labels != self.labels:
            union = _union(self.labels, labels)
            index = {label: i for i, label in enumerate(union)}
            own = np.array([index[label] for label in self.labels], dtype=int)
            added = np.array([index[label] for label in labels], dtype=int)
            self.sums = self.sums.placed(own, len(union))
            sums = sums.placed(added, len(union))
            self.labels = union
        self.sums = self.sums + sums

    def columns(self, metric: Metric) -> list[int]:
        """The indices of the sums of a metric in `GroupSums.totals`."""
        indices, start = [0], 1
        for functions, own in (
            (self.row_statistics, metric.row_statistics),
            (self.deviations, metric.deviations),
        ):
            for function in functions:
                width = self.widths.get(function, 1)
                if function is own or function == own:
                    indices += range(start, start + width)
                start += width
        return indices

    def sums_of(self, metric: Metric, n_groups: int) -> Iterator[GroupSums]:
        """The sums of one metric alone, for at most `n_groups` groups at a time."""
        assert self.sums is not None
        indices = np.array(self.columns(metric)[1:], dtype=int) - 1
        k = self.sums.row_statistics.shape[-1]
        for i in range(0, len(self.labels), n_groups):
            groups = slice(i, i + n_groups)
            yield self.sums.of(groups, indices[indices < k], indices[indices >= k] - k)

    def values(self) -> list[Array]:
        """The values of each metric by group, float64 (n_groups,); NaN where undefined."""
        if self.sums is None:
            return [np.zeros(0) for _ in self.metrics]
        totals, n_rows = self.sums.totals(self.balanced)[:, 0], self.sums.n_rows
        values = []
        for metric in self.metrics:
            if metric.exact is not None:
                value = np.array([self.exact(metric, label) for label in self.labels])
            else:
                value = self.value(metric, totals[:, self.columns(metric)])
            values.append(np.where(n_rows < metric.min_rows, np.nan, value))
        return values

    def value(self, metric: Metric, s: Array) -> Array:
        """A metric computed from its sums (..., 1 + k + q); NaN where the weight is 0."""
        try:
            return value_of(metric, s)
        except Exception as error:
            if self.strict and metric.name not in self.errors:
                raise _failure(metric.name, metric.ratio or metric.value, error) from error
            self.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            return np.full(s.shape[:-1], np.nan)

    def exact(
        self, metric: Metric, label: GroupLabel, left_out: tuple[int, int] | None = None
    ) -> float:
        """A metric of the kept rows of a group, see `KeptRows.value`; NaN if it raises."""
        try:
            return self.kept.value(metric, label, left_out)
        except Exception as error:  # for example a group with one class
            self.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            return math.nan


def check_comparable(one: Accumulator, other: Accumulator, participle: str) -> None:
    """Raise ValueError if tasks or classes differ; `participle` is "merged" or "compared"."""
    a, b = one.classes, other.classes
    if one.task == other.task and (a is b or np.array_equal(a, b)):  # type: ignore[arg-type]
        return
    if a is None or b is None or "multilabel" in (one.task, other.task):
        raise ValueError(
            f"A {one.task} and a {other.task} report cannot be {participle}. Evaluate both on the"
            " same type of targets, or pass task=."
        )
    union = list(dict.fromkeys([*a.tolist(), *b.tolist()]))
    tasks = "" if one.task == other.task else f" ({one.task} and {other.task})"
    raise ValueError(
        f"Reports over the classes {shortened(a.tolist())} and {shortened(b.tolist())}{tasks}"
        f" cannot be {participle}. Evaluate both with classes={shortened(sorted(union, key=str))}."
    )


def shortened(values: list[object], most: int = 12) -> str:
    """A list for a message. The middle of a long list is omitted.

    >>> shortened(list(range(9)), 4)
    '[0, 1, ..., 7, 8]'
    """
    texts = [repr(value) for value in values]
    if len(texts) > most:
        texts[most // 2 : -(most // 2)] = ["..."]
    return f"[{', '.join(texts)}]"


def _failure(name: str, function: object, error: Exception) -> ValueError:
    return ValueError(f"Metric {name!r}{plugin_suffix(function)} failed: {exception_line(error)}")


def _union(one: list[GroupLabel], two: list[GroupLabel]) -> list[GroupLabel]:
    """All labels, sorted by partitioner; "other" and "missing" are last."""
    labels = list(dict.fromkeys([*two, *one] if set(two) >= set(one) else [*one, *two]))
    order = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in labels))}
    last = ("other", "missing")
    return sorted(labels, key=lambda label: (order[label[0]], label[1] in last))
