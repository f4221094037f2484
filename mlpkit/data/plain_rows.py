"""Detection of rows that need no validation, which would take longer than a small step."""

from typing import Any

import numpy as np

from mlpkit.data.plain_frames import frame_values
from mlpkit.plugin import Array

SMALL = 1 << 16  # numbers whose comparison takes less time and little memory
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def plain_X(X: Any, estimator: Any) -> Array | None:
    """The array that the validation of a fitted estimator returns, if X is known to pass it.

    This holds for finite floats and integers with the right columns: for an array, if the
    estimator was fitted without column names; for a dataframe, if its columns have the names of
    `fit` in the same order.

    Parameters
    ----------
    X : object
        Data as the user passed it.
    estimator : object
        Fitted estimator.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features) or None
        None if the validation has to decide. Not to be modified: it may share memory with X.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> fitted = SimpleNamespace(n_features_in_=2)
    >>> plain_X(np.ones((1, 2)), fitted), plain_X(np.array([[1.0, np.nan]]), fitted)
    (array([[1., 1.]]), None)
    """
    fitted = estimator.__dict__
    names = fitted.get("feature_names_in_")
    if type(X) is not np.ndarray:
        X = frame_values(X, names)
    elif names is not None:
        return None  # the validation warns about missing names
    if X is None or X.ndim != 2 or not len(X) or X.shape[1] != fitted.get("n_features_in_"):
        return None
    is_plain = _is_finite(X) if X.dtype in FLOATS else X.dtype.kind in "iu"
    return X if is_plain else None


def plain_data(X: Any, y: Any, estimator: Any) -> Array | None:
    """Plain floats X, if y is an array of one finite number or string for each row."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "biufU":
        return None
    rows = plain_X(X, estimator)
    if rows is None or rows.dtype not in FLOATS or len(y) != len(rows):
        return None
    return rows if y.dtype.kind != "f" or _is_finite(y) else None


def _is_finite(array: Array) -> bool:
    if array.size <= SMALL:
        return bool(np.count_nonzero(np.isfinite(array)) == array.size)
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()))  # an overflow only leads to the full validation
