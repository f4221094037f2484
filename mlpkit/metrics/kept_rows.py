"""Rows that are kept, with their groups, for metrics that don't add up."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit.metrics import predictions as scoring
from mlpkit.metrics.grouping import Label, Members
from mlpkit.plugin import Array, Groups, Metric, Predictions


class Part(NamedTuple):
    """Rows that came together."""

    scored: Predictions
    groups: Mapping[str, Groups]
    weight: Array | None


class Kept:
    """Parts of the data as they came; ``balanced`` as in `Accumulator`."""

    def __init__(self, parts: tuple[Part, ...] = (), balanced: bool = False) -> None:
        self.parts, self.balanced = parts, balanced
        self._members = [Members(part.groups) for part in parts]
        self._last: tuple[Label, tuple[Predictions, Array | None]] | None = None

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.parts + other.parts, self.balanced)

    def with_part(self, part: Part) -> "Kept":
        """These rows and more."""
        return Kept((*self.parts, part), self.balanced)

    def rows(self, label: Label) -> tuple[Predictions, Array | None]:
        """The rows of a group and their weights; at hand until another group is asked for."""
        if self._last is None or self._last[0] != label:
            self._last = label, self._rows(label)
        return self._last[1]

    def _rows(self, label: Label) -> tuple[Predictions, Array | None]:
        found = [(p, of(label)) for p, of in zip(self.parts, self._members, strict=True)]
        scored = scoring.concatenated([scoring.take(part.scored, index) for part, index in found])
        weight: Array | None = None
        if any(part.weight is not None for part, _ in found):
            weight = np.concatenate(
                [np.ones(len(i)) if p.weight is None else p.weight[i] for p, i in found]
            )
        if self.balanced and len(scored.y_true):
            factor = compute_sample_weight("balanced", scored.y_true)
            weight = factor if weight is None else weight * factor
        if weight is not None and not weight.all():  # a row of weight 0 is none
            scored, weight = scoring.take(scored, weight != 0), weight[weight != 0]
        return scored, weight

    def value(self, metric: Metric, label: Label, left_out: tuple[int, int] | None = None) -> float:
        """A metric of the rows of a group; for ``left_out`` (b, m) without each m-th from b on."""
        scored, weight = self.rows(label)
        if left_out is not None:
            b, m = left_out
            index = np.flatnonzero(np.arange(len(scored.y_true)) % m != b)
            scored = scoring.take(scored, index)
            weight = None if weight is None else weight[index]
        if len(scored.y_true) < metric.min_rows or (weight is not None and not weight.any()):
            return math.nan
        assert metric.exact is not None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # told once, as an undefined value
            return float(metric.exact(scored, weight))

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self.parts, "balanced": self.balanced}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Kept.__init__(self, **state)
