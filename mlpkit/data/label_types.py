"""Class labels that are Python objects: their common type, and errors if there is none."""

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from mlpkit.messages import comma_separated, plain_repr
from mlpkit.plugin import Array


def with_common_type(labels: Array) -> Array:
    """Return labels that are objects, all of them booleans or integers, as an array of their type.

    Columns of pandas are such objects if they contained missing values. Other labels are returned
    as they are.

    >>> with_common_type(np.array([True, False], dtype=object))
    array([ True, False])
    >>> with_common_type(np.array(["a", 1], dtype=object))
    array(['a', 1], dtype=object)
    """
    if labels.dtype.kind != "O" or labels.ndim != 1:
        return labels
    types = set(map(type, labels))
    is_bool = [issubclass(cls, bool | np.bool_) for cls in types]
    is_integer = [issubclass(cls, int | np.integer) for cls in types]
    if types and (all(is_bool) or (all(is_integer) and not any(is_bool))):
        return np.array(labels.tolist())
    return labels


def unknown_labels(y: Any, error: Exception) -> Exception:
    """Return the error for targets that are not class labels.

    Parameters
    ----------
    y : array-like
        The targets.
    error : Exception
        The error that scikit-learn raised, which is returned if the reason is another one.
    """
    values = np.asarray(y)
    if values.dtype.kind == "O" and values.ndim == 1:
        first: dict[type, Any] = {}
        for value in values:
            first.setdefault(type(value), value)
        if len(first) > 1 or not issubclass(next(iter(first)), str):
            shown = comma_separated(f"{plain_repr(v)} ({t.__name__})" for t, v in first.items())
            return type(error)(
                f"Unknown label type: y contains {shown}. Labels must be strings, integers or"
                " booleans, all of one type. Convert them, for example with y.astype(str)."
            )
    if error.__class__ is ValueError and type_of_target(y).startswith("multiclass-multi"):
        return ValueError(
            "Multioutput target data is not supported: y of a classifier must contain one label"
            " for each row, or indicators of label sets, got labels of shape"
            f" {values.shape}. Fit a classifier for each column, for example with"
            " sklearn.multioutput.MultiOutputClassifier."
        )
    try:
        check_classification_targets(y)
    except ValueError as shorter:  # scikit-learn's other message contains all of y
        return shorter
    return error
