"""Detection of evaluation sets that were probably not transformed like the training data."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array

MAX_ROWS = 500  # number of rows of each set that are compared, evenly spaced
MAX_COLUMNS = 300  # number of columns that are compared, evenly spaced
MIN_SAMPLE_SIZE = 20  # number of rows needed to estimate a distribution
MAX_SHIFT = 3.0  # shift of the median, in standard deviations of the training data
MAX_RATIO = 4.0  # ratio of the standard deviations
MAX_SHARE = 0.5  # share of columns that differ; sorted splits of real data stay below it
PIPELINE = {
    "validation": (
        "A Pipeline does not transform X_val unless it is created with"
        ' transform_input=["X_val"], which needs'
        " sklearn.set_config(enable_metadata_routing=True) and, on this estimator,"
        " set_fit_request(X_val=True, y_val=True)."
    ),
    "eval_sets": (
        "A Pipeline does not transform eval_sets. Fit its first steps with"
        " steps = pipe[:-1].fit(X, y), then fit the estimator on steps.transform(X) and pass"
        " steps.transform(X_set) in eval_sets."
    ),
    "calibration": "In a Pipeline, call pipe[-1].calibrate(pipe[:-1].transform(X), y).",
}


def warn_of_drift(train: Any, sets: Mapping[str, Any], names: Any = None) -> None:
    """Warn of evaluation sets whose values differ from the training data in most columns.

    Parameters
    ----------
    train : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Training data.
    sets : dict of str to {ndarray, sparse matrix} of shape (n_set_samples, n_features)
        Evaluation sets by name.
    names : sequence of str or None, default=None
        Column names.
    """
    differences = {name: text for name, X in sets.items() if (text := drift(train, X, names))}
    if differences:
        descriptions = "; ".join(f"{name!r} {text}" for name, text in differences.items())
        hints = [PIPELINE["validation"]] * ("validation" in differences)
        hints += [PIPELINE["eval_sets"]] * bool(differences.keys() - {"validation"})
        warnings.warn(
            f"Evaluation sets differ greatly from the training data: {descriptions}. Transform"
            f" them like X. {' '.join(hints)}",
            UserWarning,
        )


def drift(train: Any, other: Any, names: Any = None) -> str:
    """Describe how other data differ from the training data in most columns.

    A column differs if its median is shifted, or if its standard deviation, estimated from the
    deciles, is much larger or smaller. In columns that mostly repeat one value, like sparse ones,
    the mean distance of the other values from it is compared instead. A column of two values
    differs if most of its values in the other data are neither of them.

    Parameters
    ----------
    train : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Training data.
    other : {ndarray, sparse matrix} of shape (n_other_samples, n_features)
        Data to compare with it.
    names : sequence of str or None, default=None
        Column names.

    Returns
    -------
    description : str
        Number of columns that differ, with an example; empty if at most half of them do.

    Examples
    --------
    >>> X = np.random.RandomState(0).normal(size=(100, 3))
    >>> drift(X, X[:30] + 1), drift(X, 1000 * X[:30] + 7)[:25]
    ('', 'differs in 3 of 3 columns')
    """
    columns = np.unique(np.linspace(0, train.shape[1] - 1, MAX_COLUMNS).astype(int))
    T, V = _sampled(train, columns), _sampled(other, columns)
    if len(T) < MIN_SAMPLE_SIZE or not len(V):
        return ""
    differs, comparable = _differing_columns(T, V)
    n_differ, n_comparable = differs.sum(), comparable.sum()
    if not n_differ or n_differ <= MAX_SHARE * n_comparable or n_comparable < min(3, len(T.T)):
        return ""
    i = int(np.flatnonzero(differs)[0])
    name = f"column {columns[i]}" if names is None else f"column {names[columns[i]]!r}"
    other_range, train_range = (f"{A[:, i].min():.3g} to {A[:, i].max():.3g}" for A in (V, T))
    return (
        f"differs in {n_differ} of {n_comparable} columns (for example {name}: {other_range},"
        f" in the training data {train_range})"
    )


def _sampled(X: Any, columns: Array) -> Array:
    """At most `MAX_ROWS` rows of the given columns, float64."""
    rows = np.unique(np.linspace(0, max(X.shape[0] - 1, 0), MAX_ROWS).astype(int))[: X.shape[0]]
    if issparse(X):
        return np.asarray(X.tocsr()[rows][:, columns].toarray(), np.float64)
    part = X[rows]  # rows first: usually all columns are compared
    return np.asarray(part if len(columns) == X.shape[1] else part[:, columns], np.float64)


def _differing_columns(T: Array, V: Array) -> tuple[Array, Array]:
    """Which columns differ and which are comparable, two bool arrays of shape (n_columns,)."""
    low, high = T.min(axis=0), T.max(axis=0)
    width = high - low
    varies = width > 1e-9 * np.maximum(abs(low), abs(high))
    (t1, t, t9), (v1, v, v9) = (np.quantile(rows, [0.1, 0.5, 0.9], axis=0) for rows in (T, V))
    t_std, v_std = (t9 - t1) / 2.56, (v9 - v1) / 2.56  # standard deviations, if normal
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        differs = abs(v - t) > MAX_SHIFT * t_std
        if len(V) >= MIN_SAMPLE_SIZE:
            differs |= _differ_in_scale(v_std, t_std)
        # columns that mostly repeat their median: the mean distance of the other values from it
        t_count, v_count = ((rows != t).sum(axis=0) for rows in (T, V))
        t_sum, v_sum = (abs(rows - t).sum(axis=0) for rows in (T, V))
        sparse_differs = _differ_in_scale(v_sum / v_count, t_sum / t_count)
        differs = np.where(t_std > 0, differs, sparse_differs)
    is_binary, tolerance = ((low == T) | (high == T)).all(axis=0), 1e-6 * width
    is_neither = (abs(V - low) > tolerance) & (abs(V - high) > tolerance)
    values_differ = is_neither.mean(axis=0) > 0.5
    # binary columns with equal values are not comparable: scalers often skip indicators
    comparable = varies & np.where(is_binary, values_differ, (t_std > 0) | (v_count > 0))
    return comparable & (is_binary | differs), comparable


def _differ_in_scale(a: Array, b: Array) -> Array:
    """Whether a and b differ by more than the factor `MAX_RATIO`; False where a is 0."""
    return (a > MAX_RATIO * b) | ((a > 0) & (MAX_RATIO * a < b))
