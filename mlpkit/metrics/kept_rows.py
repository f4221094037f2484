"""Rows that are kept, with their groups, for metrics that are not functions of sums."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit.metrics.grouping import GroupLabel, Members
from mlpkit.metrics.predictions import concatenated, take
from mlpkit.plugin import Array, Groups, Metric, Predictions


class KeptChunk(NamedTuple):
    """The rows of one update of an `Accumulator`."""

    predictions: Predictions
    groups: Mapping[str, Groups]
    weight: Array | None


class KeptRows:
    """The rows of all updates; `balanced` as in `Accumulator`."""

    def __init__(self, chunks: tuple[KeptChunk, ...] = (), balanced: bool = False) -> None:
        self.chunks, self.balanced = chunks, balanced
        self._members = [Members(chunk.groups) for chunk in chunks]
        self._last: tuple[GroupLabel, tuple[Predictions, Array | None]] | None = None

    def __add__(self, other: "KeptRows") -> "KeptRows":
        return KeptRows(self.chunks + other.chunks, self.balanced)

    def with_chunk(self, chunk: KeptChunk) -> "KeptRows":
        """The kept rows with those of one more chunk."""
        return KeptRows((*self.chunks, chunk), self.balanced)

    def rows(self, label: GroupLabel) -> tuple[Predictions, Array | None]:
        """The rows of a group and their weights; those of the last group are cached."""
        if self._last is None or self._last[0] != label:
            self._last = label, self._rows(label)
        return self._last[1]

    def _rows(self, label: GroupLabel) -> tuple[Predictions, Array | None]:
        members = [(chunk, of(label)) for chunk, of in zip(self.chunks, self._members, strict=True)]
        rows = concatenated([take(chunk.predictions, indices) for chunk, indices in members])
        weight: Array | None = None
        if any(chunk.weight is not None for chunk, _ in members):
            weight = np.concatenate(
                [np.ones(len(i)) if c.weight is None else c.weight[i] for c, i in members]
            )
        if self.balanced and len(rows.y_true):
            factor = compute_sample_weight("balanced", rows.y_true)
            weight = factor if weight is None else weight * factor
        if weight is not None and not weight.all():  # rows of weight 0 must not count
            rows, weight = take(rows, weight != 0), weight[weight != 0]
        return rows, weight

    def value(
        self, metric: Metric, label: GroupLabel, left_out: tuple[int, int] | None = None
    ) -> float:
        """A metric of the rows of a group; `left_out` (b, m) omits rows b, b + m, b + 2m ..."""
        rows, weight = self.rows(label)
        if left_out is not None:
            b, m = left_out
            indices = np.flatnonzero(np.arange(len(rows.y_true)) % m != b)
            rows = take(rows, indices)
            weight = None if weight is None else weight[indices]
        if len(rows.y_true) < metric.min_rows or (weight is not None and not weight.any()):
            return math.nan
        assert metric.exact is not None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # `evaluate` warns once of all undefined values
            return float(metric.exact(rows, weight))

    def __getstate__(self) -> dict[str, Any]:
        return {"chunks": self.chunks, "balanced": self.balanced}

    def __setstate__(self, state: dict[str, Any]) -> None:
        KeptRows.__init__(self, **state)
