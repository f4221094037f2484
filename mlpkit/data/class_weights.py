"""Weights by class: multiplied into those of the rows, in a fit and in a stream."""

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit.messages import plain_repr
from mlpkit.plugin import Array


class ClassWeights:
    """``class_weight``: a dict from label to weight, or "balanced".

    "balanced" gives class c the weight ``n_rows / (n_classes * rows of c)``; in a stream
    the rows are all that came so far.

    >>> weights = ClassWeights(np.array(["a", "b"]))
    >>> weights.rows("balanced", np.array(["a", "a", "a", "b"])).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    >>> weights.rows("balanced", np.array(["b", "b"]), stream=True).round(2).tolist()
    [1.0, 1.0]
    """

    def __init__(self, classes: Array) -> None:
        self.classes = classes
        self.counts = np.zeros(len(classes))

    def rows(self, given: Any, y: Any, stream: bool = False) -> Array:
        """The weight of each row, (n,), of labels y (n,) or indicators (n, n_labels)."""
        if np.ndim(y) > 1:
            return compute_sample_weight(given, y)  # type: ignore[no-any-return]
        codes = np.searchsorted(self.classes, y)
        if isinstance(given, dict):
            unknown = [label for label in given if label not in self.classes]
            if unknown:
                raise ValueError(
                    f"class_weight contains {plain_repr(unknown)}, which are not classes of y. The"
                    f" classes are {self.classes.tolist()}."
                )
            by_class: Array = np.array([given.get(c, 1.0) for c in self.classes], float)
            return by_class[codes]  # type: ignore[no-any-return]
        if not stream:
            self.counts = np.zeros(len(self.classes))
        self.counts = self.counts + np.bincount(codes, minlength=len(self.classes))
        seen = self.counts > 0
        weights: Array = self.counts.sum() / (seen.sum() * np.where(seen, self.counts, 1))
        return weights[codes]  # type: ignore[no-any-return]
