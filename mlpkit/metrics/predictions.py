"""`Scored` rows from what a network or an estimator gives; parts of them, and parts together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Predictions, Task


def truth(task: Task, y: Array) -> Array:
    """Encoded targets (n, n_outputs), as a network is trained on, as `Scored.y`."""
    if task == "regression":
        return np.asarray(y, dtype=np.float64)
    if task == "multilabel":
        return y.astype(bool)
    return y.argmax(axis=1) if task == "multiclass" else y[:, 0].astype(np.intp)


def from_outputs(task: Task, classes: Array | None, y: Array, p: Array) -> Predictions:
    """Rows of `truth` y and a network's activated outputs p (n, n_outputs).

    >>> y, p = np.array([[True], [False]]), np.array([[0.75], [0.5]])
    >>> rows = from_outputs("binary", np.array(["no", "yes"]), truth("binary", y), p)
    >>> rows.y.tolist(), rows.label.tolist(), rows.p.tolist()
    ([1, 0], [1, 0], [[0.25, 0.75], [0.5, 0.5]])
    """
    if task == "regression":
        return Predictions(task, None, y, np.asarray(p, dtype=np.float64))
    if task == "multilabel":
        return Predictions(task, classes, y, p > 0.5, p)
    if task == "multiclass":
        return Predictions(task, classes, y, p.argmax(axis=1), p)
    both = np.empty((len(p), 2), dtype=p.dtype)
    both[:, 1] = p[:, 0]
    np.subtract(1, both[:, 1], out=both[:, 0])
    return Predictions(task, classes, y, (p[:, 0] > 0.5).astype(np.intp), both)


def codes_of(values: Any, classes: Array, what: str) -> Array:
    """The place of each value among the sorted classes, int (n,).

    >>> codes_of(["b", "a", "b"], np.array(["a", "b"]), "y").tolist()
    [1, 0, 1]
    """
    given = np.asarray(values)
    at = np.searchsorted(classes, given)
    at = np.minimum(at, len(classes) - 1)
    strange = classes[at] != given
    if np.any(strange):
        found = np.unique(given[strange]).tolist()
        raise ValueError(
            f"{what} has {found[:10]}, but the classes are {classes.tolist()[:20]}. Name all"
            " classes in classes=[...]."
        )
    return at.astype(np.intp)


def take(scored: Predictions, index: Array) -> Predictions:
    """Some of the rows."""
    return Predictions(
        scored.task,
        scored.classes,
        scored.y_true[index],
        scored.y_pred[index],
        None if scored.y_proba is None else scored.y_proba[index],
        None if scored.y_score is None else scored.y_score[index],
    )


def concatenated(parts: Sequence[Predictions]) -> Predictions:
    """All rows of the parts, in their order."""
    if len(parts) == 1:
        return parts[0]

    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if any(a is None for a in arrays) else np.concatenate(arrays)

    first = parts[0]
    return Predictions(first.task, first.classes, *(joined(n) for n in first._fields[2:]))
