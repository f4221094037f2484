"""`Predictions` from the outputs of a network; selecting and concatenating their rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Predictions, Task


def true_values(task: Task, y: Array) -> Array:
    """Encoded targets (n, n_outputs), as networks are trained on, as `Predictions.y_true`."""
    if task == "regression":
        return np.asarray(y, dtype=np.float64)
    if task == "multilabel":
        return y.astype(bool)
    return y.argmax(axis=1) if task == "multiclass" else y[:, 0].astype(np.intp)


def from_outputs(task: Task, classes: Array | None, y_true: Array, outputs: Array) -> Predictions:
    """Predictions from the activated outputs of a network, (n, n_outputs).

    ``y_true`` is what `true_values` returns.

    >>> y, p = np.array([[True], [False]]), np.array([[0.75], [0.5]])
    >>> rows = from_outputs("binary", np.array(["no", "yes"]), true_values("binary", y), p)
    >>> rows.y_true.tolist(), rows.y_pred.tolist(), rows.y_proba.tolist()
    ([1, 0], [1, 0], [[0.25, 0.75], [0.5, 0.5]])
    """
    if task == "regression":
        return Predictions(task, None, y_true, np.asarray(outputs, dtype=np.float64))
    if task == "multilabel":
        return Predictions(task, classes, y_true, outputs > 0.5, outputs)
    if task == "multiclass":
        return Predictions(task, classes, y_true, outputs.argmax(axis=1), outputs)
    both = np.empty((len(outputs), 2), dtype=outputs.dtype)
    both[:, 1] = outputs[:, 0]
    np.subtract(1, both[:, 1], out=both[:, 0])
    return Predictions(task, classes, y_true, (outputs[:, 0] > 0.5).astype(np.intp), both)


def codes_of(values: Any, classes: Array, name: str) -> Array:
    """The index of each value in the sorted classes, int (n,); `name` is for messages.

    >>> codes_of(["b", "a", "b"], np.array(["a", "b"]), "y").tolist()
    [1, 0, 1]
    """
    labels = np.asarray(values)
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    unknown = classes[codes] != labels
    if np.any(unknown):
        raise ValueError(
            f"{name} contains {np.unique(labels[unknown]).tolist()[:10]}, but the classes are"
            f" {classes.tolist()[:20]}. Pass all classes as classes=[...]."
        )
    return codes.astype(np.intp)


def take(predictions: Predictions, indices: Array) -> Predictions:
    """The rows with these indices, or where a mask is True."""
    optional = (predictions.y_proba, predictions.y_score, predictions.y_interval)
    return Predictions(
        predictions.task,
        predictions.classes,
        predictions.y_true[indices],
        predictions.y_pred[indices],
        *(None if array is None else array[indices] for array in optional),
    )


def concatenated(chunks: Sequence[Predictions]) -> Predictions:
    """The rows of all chunks, in their order."""
    if len(chunks) == 1:
        return chunks[0]

    def column(name: str) -> Any:
        arrays = [getattr(chunk, name) for chunk in chunks]
        return None if any(a is None for a in arrays) else np.concatenate(arrays)

    first = chunks[0]
    return Predictions(first.task, first.classes, *(column(n) for n in first._fields[2:]))
