"""Detection of arrays that need no validation, which would take longer than a small step."""

from typing import Any

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def is_plain(X: Any, estimator: Any) -> bool:
    """Whether X passes the validation of a fitted estimator without conversion.

    This holds for a finite float array with the right number of columns, if the estimator was
    fitted without column names.

    Parameters
    ----------
    X : object
        Data as the user passed it.
    estimator : object
        Fitted estimator.

    Returns
    -------
    is_plain : bool

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> fitted = SimpleNamespace(n_features_in_=2)
    >>> is_plain(np.ones((3, 2)), fitted), is_plain(np.array([[1.0, np.nan]]), fitted)
    (True, False)
    """
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in FLOATS or not len(X):
        return False
    fitted = estimator.__dict__
    if X.shape[1] != fitted.get("n_features_in_") or "feature_names_in_" in fitted:
        return False
    return _is_finite(X)


def are_plain(X: Any, y: Any, estimator: Any) -> bool:
    """Whether X is plain, and y is an array of one finite number or string for each row."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "biufU":
        return False
    if not is_plain(X, estimator) or len(y) != len(X):
        return False
    return y.dtype.kind != "f" or _is_finite(y)


def _is_finite(array: Any) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()))  # an overflow only leads to the full validation
