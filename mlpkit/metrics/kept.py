"""Rows that are kept, with their groups, for metrics that don't add up."""

import math
import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit.metrics import scored as scoring
from mlpkit.metrics.grouping import Label, members
from mlpkit.plugin import Array, Groups, Metric, Scored


class Part(NamedTuple):
    """Rows that came together."""

    scored: Scored
    groups: Mapping[str, Groups]
    weight: Array | None


class Kept:
    """Parts of the data as they came; ``balanced`` as in `Accumulator`."""

    def __init__(self, parts: tuple[Part, ...] = (), balanced: bool = False) -> None:
        self.parts, self.balanced = parts, balanced

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.parts + other.parts, self.balanced)

    def with_part(self, part: Part) -> "Kept":
        """These rows and more."""
        return Kept((*self.parts, part), self.balanced)

    def rows(self, label: Label) -> tuple[Scored, Array | None]:
        """The rows of a group and their weights."""
        found = [(part, index) for part in self.parts for index in [members(part.groups, label)]]
        scored = scoring.concatenated([scoring.take(part.scored, index) for part, index in found])
        weight: Array | None = None
        if any(part.weight is not None for part, _ in found):
            weight = np.concatenate(
                [np.ones(len(i)) if p.weight is None else p.weight[i] for p, i in found]
            )
        if self.balanced and len(scored.y):
            factor = compute_sample_weight("balanced", scored.y)
            weight = factor if weight is None else weight * factor
        if weight is not None and not weight.all():  # a row of weight 0 is none
            scored, weight = scoring.take(scored, weight != 0), weight[weight != 0]
        return scored, weight

    def value(self, metric: Metric, label: Label, left_out: tuple[int, int] | None = None) -> float:
        """A metric of the rows of a group; for ``left_out`` (b, m) without each m-th from b on."""
        scored, weight = self.rows(label)
        if left_out is not None:
            b, m = left_out
            index = np.flatnonzero(np.arange(len(scored.y)) % m != b)
            scored = scoring.take(scored, index)
            weight = None if weight is None else weight[index]
        if len(scored.y) < metric.min_rows or (weight is not None and not weight.any()):
            return math.nan
        assert metric.exact is not None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # told once, as an undefined value
            return float(metric.exact(scored, weight))
