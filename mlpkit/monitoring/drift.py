"""Validation rows that look nothing like the training rows: most often not transformed."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array

ROWS = 500  # of each set that are compared, evenly spaced
COLUMNS = 300  # likewise
FEWEST = 20  # training rows that say something about a column
SHIFT = 3.0  # spreads of the training rows between the medians
SCALE = 4.0  # times as wide, or as narrow
SHARE = 0.5  # of the columns that must differ: sorted splits of real data stay below
PIPELINE = {
    "validation": (
        "A Pipeline does not transform X_val unless it is created with"
        ' transform_input=["X_val"], which needs'
        " sklearn.set_config(enable_metadata_routing=True) and, on this estimator,"
        " set_fit_request(X_val=True, y_val=True)."
    ),
    "eval_sets": (
        "A Pipeline does not transform eval_sets: fit its first steps with"
        " steps = pipe[:-1].fit(X, y), and pass steps.transform(X_set), with the estimator"
        " fitted on steps.transform(X)."
    ),
}


def warn_of_drift(train: Any, sets: Mapping[str, Any], names: Any = None) -> None:
    """One warning for all sets that look nothing like the training rows.

    Parameters
    ----------
    train : {ndarray, sparse matrix} of shape (n_samples, n_features)
    sets : dict of {ndarray, sparse matrix}, by name
        Rows with the same columns.
    names : sequence of str or None
        Names of the columns.
    """
    found = {name: text for name, X in sets.items() if (text := drift(train, X, names))}
    if found:
        rows = "; ".join(f"the rows of {name!r} {text}" for name, text in found.items())
        hints = [PIPELINE["validation"]] * ("validation" in found)
        hints += [PIPELINE["eval_sets"]] * bool(found.keys() - {"validation"})
        warnings.warn(
            f"Rows to evaluate on look nothing like the training rows: {rows}. Were they"
            f" transformed as X was? {' '.join(hints)}",
            UserWarning,
        )


def drift(train: Any, other: Any, names: Any = None) -> str:
    """How other rows differ from the training rows in most columns; empty if they don't.

    Medians are compared in units of the training rows' spread, and spreads (between the
    deciles) with each other; in columns that mostly repeat one value, as sparse ones do, the
    mean distance of the others from it; columns of two values count if the values differ.

    >>> X = np.random.RandomState(0).normal(size=(100, 3))
    >>> drift(X, X[:30] + 1), drift(X, 1000 * X[:30] + 7)[:24]
    ('', 'differ in 3 of 3 columns')
    """
    columns = np.unique(np.linspace(0, train.shape[1] - 1, COLUMNS).astype(int))
    T, V = _sampled(train, columns), _sampled(other, columns)
    if len(T) < FEWEST or not len(V):
        return ""
    differ, judged = _compared(T, V)
    if not judged.sum() or differ.sum() <= SHARE * judged.sum() or judged.sum() < min(3, len(T.T)):
        return ""
    at = int(np.flatnonzero(differ)[0])
    name = f"column {columns[at]}" if names is None else f"column {names[columns[at]]!r}"
    lows, highs = (f"{rows[:, at].min():.3g} to {rows[:, at].max():.3g}" for rows in (V, T))
    return (
        f"differ in {differ.sum()} of {judged.sum()} columns (for example {name}: {lows},"
        f" in training {highs})"
    )


def _sampled(X: Any, columns: Array) -> Array:
    """Some rows of some columns, float64."""
    rows = np.unique(np.linspace(0, max(X.shape[0] - 1, 0), ROWS).astype(int))[: X.shape[0]]
    if issparse(X):
        return np.asarray(X.tocsr()[rows][:, columns].toarray(), np.float64)
    part = X[rows]  # indexed twice: that is cheap where there are few columns
    return np.asarray(part if len(columns) == X.shape[1] else part[:, columns], np.float64)


def _compared(T: Array, V: Array) -> tuple[Array, Array]:
    """Which columns differ, and which of them can be compared at all, bool (n_columns,)."""
    low, high = T.min(axis=0), T.max(axis=0)
    size = high - low
    varies = size > 1e-9 * np.maximum(abs(low), abs(high))
    (t1, t, t9), (v1, v, v9) = (np.quantile(rows, [0.1, 0.5, 0.9], axis=0) for rows in (T, V))
    spread, other = (t9 - t1) / 2.56, (v9 - v1) / 2.56  # standard deviations, if normal
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        differs = abs(v - t) > SHIFT * spread
        if len(V) >= FEWEST:
            differs |= _apart(other, spread)
        rare, there = ((rows != t).sum(axis=0) for rows in (T, V))
        one, two = (abs(rows - t).sum(axis=0) for rows in (T, V))
        differs = np.where(spread > 0, differs, _apart(two / there, one / rare))
    pair, near = ((low == T) | (high == T)).all(axis=0), 1e-6 * size
    neither = ((abs(V - low) > near) & (abs(V - high) > near)).mean(axis=0) > 0.5
    # two values that are the same say nothing: whoever scales leaves indicators as they are
    judged = varies & np.where(pair, neither, (spread > 0) | (there > 0))
    return judged & (pair | differs), judged


def _apart(a: Array, b: Array) -> Array:
    """Whether the ratio of two sizes is large or small; not where a is 0."""
    return (a > SCALE * b) | ((a > 0) & (SCALE * a < b))
