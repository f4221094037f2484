"""Row weights from ``class_weight``, for `fit` and for `partial_fit`."""

from typing import Any, Self

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit.files.fields import Fields
from mlpkit.messages import plain_repr
from mlpkit.plugin import Array


class ClassWeights:
    """Computes row weights from ``class_weight``.

    "balanced" gives a class the weight ``n_rows / (n_classes * n_rows_of_class)``. In a stream
    these numbers count all rows so far.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Class labels, sorted.

    Examples
    --------
    >>> weights = ClassWeights(np.array(["a", "b"]))
    >>> weights.rows("balanced", np.array(["a", "a", "a", "b"])).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    >>> weights.rows("balanced", np.array(["b", "b"]), stream=True).round(2).tolist()
    [1.0, 1.0]
    """

    def __init__(self, classes: Array) -> None:
        self.classes = classes
        self.counts = np.zeros(len(classes))

    def get_state(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {"counts": self.counts}

    @classmethod
    def from_state(cls, state: Any, classes: Array) -> Self:
        """Return the weights of a state; raise ValueError if it is invalid."""
        weights = cls(classes)
        weights.counts = Fields(state, "class_weights").array("counts", (len(classes),), "f")
        return weights

    def rows(self, class_weight: Any, y: Any, stream: bool = False) -> Array:
        """The weight of each row, shape (n,).

        Parameters
        ----------
        class_weight : dict or "balanced"
            Weights by label; labels that are not in it have the weight 1.
        y : array of shape (n,) or (n, n_labels)
            Labels, or indicators of label sets.
        stream : bool, default=False
            Whether "balanced" also counts the rows of earlier calls.
        """
        if np.ndim(y) > 1:
            weights: Array = compute_sample_weight(class_weight, y)
            return weights
        indices: Array = np.searchsorted(self.classes, y)
        if isinstance(class_weight, dict):
            unknown = [label for label in class_weight if label not in self.classes]
            if unknown:
                raise ValueError(
                    f"class_weight contains {plain_repr(unknown)}, which are not classes of y. The"
                    f" classes are {self.classes.tolist()}."
                )
            weights = np.array([class_weight.get(c, 1.0) for c in self.classes], float)
            return weights[indices]
        if not stream:
            self.counts = np.zeros(len(self.classes))
        self.counts = self.counts + np.bincount(indices, minlength=len(self.classes))
        present = self.counts > 0
        weights = self.counts.sum() / (present.sum() * np.where(present, self.counts, 1))
        return weights[indices]
