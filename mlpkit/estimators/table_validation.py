"""Validation of tables, which an encoder turns into numbers, and of their targets and weights."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d, get_tags
from sklearn.utils.validation import _check_sample_weight, _check_y, check_is_fitted

from mlpkit.data.label_types import with_common_type
from mlpkit.data.tables import (
    check_distinct,
    check_targets_present,
    column_names,
    n_rows_of,
    with_columns,
)
from mlpkit.data.targets import is_text
from mlpkit.messages import escaped
from mlpkit.plugin import Array, Dataset

MAX_NAMES = 5  # number of names in a message


def validated_table_rows(estimator: Any, rows: Dataset, reset: bool) -> Dataset:
    """Return the table, and y and sample weights after scikit-learn's validation."""
    X = validated_table(estimator, rows.X, reset)
    y = validated_targets(estimator, rows.y)
    if len(y) != n_rows_of(X):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has"
            f" {n_rows_of(X)} rows and y has {len(y)}."
        )
    return Dataset(X, y, validated_weights(rows.sample_weight, y))


def validated_table(estimator: Any, X: Any, reset: bool) -> Any:
    """Return a dataframe with the columns of `fit` in their order, or an array as it is.

    Sets `n_features_in_` and `feature_names_in_` if ``reset``, and raises ValueError if other
    columns differ from these.
    """
    if not reset:
        check_is_fitted(estimator, "n_features_in_")
    names = column_names(X)
    if names is None:
        X = _array(estimator, X)
        names, n_features = [], X.shape[1]
    else:
        n_features = len(names)
        _check_frame(estimator, X, names)
    strings = _string_names(names) and getattr(X, "is_named", True)
    if reset:
        estimator.n_features_in_ = n_features
        vars(estimator).pop("feature_names_in_", None)
        if strings:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        return X
    return _in_order_of_fit(estimator, X, names if strings else None, n_features)


def _array(estimator: Any, X: Any) -> Any:
    """Return X as a two-dimensional array or sparse matrix, which may contain objects."""
    if type(X) is np.ndarray and X.ndim == 2 and X.size and X.dtype.kind in "biufOUM":
        return X  # `check_array` takes longer than the prediction of a row
    _check_is_table(X)
    if isinstance(X, list | tuple):
        try:
            X = numbers if (numbers := np.asarray(X)).dtype.kind in "biuf" else np.array(X, object)
        except ValueError:  # rows of different lengths
            X = np.array([*X, None], object)[:-1]
    if getattr(getattr(X, "dtype", None), "names", None):
        raise ValueError(
            "X is a structured array, which is not supported. Pass a dataframe, such as"
            " pandas.DataFrame(X)."
        )
    sparse = get_tags(estimator).input_tags.sparse  # whether the encoder accepts sparse X
    return check_array(
        X, dtype=None, accept_sparse=sparse, ensure_all_finite=False, estimator=estimator
    )


def _check_is_table(X: Any) -> None:
    """Raise TypeError for an object that has no rows, or whose rows are dicts."""
    if hasattr(X, "shape"):  # also of sparse matrices that are dicts
        return
    hint = ""
    rows = X[:1] if isinstance(X, list | tuple) else []
    if isinstance(X, str | bytes | PathLike):
        hint = " Read the file first, for example with pandas.read_csv, or pass mlpkit.scan(X)."
    elif isinstance(X, Mapping) or any(isinstance(row, Mapping) for row in rows):
        hint = " Convert it: pandas.DataFrame(X)."
    elif X is not None and not isinstance(X, Iterator):
        return
    kind = type(X).__name__ + (f" of {type(rows[0]).__name__}" if rows else "")
    raise TypeError(
        "X must be a dataframe of pandas, polars or pyarrow, an array or a list of rows, got"
        f" {kind}.{hint}"
    )


def _check_frame(estimator: Any, X: Any, names: Sequence[Any]) -> None:
    """Raise ValueError for a dataframe without rows or columns, or with a name of two columns."""
    for size, unit in ((n_rows_of(X), "sample"), (len(names), "feature")):
        if not size:
            raise ValueError(
                f"Found array with 0 {unit}(s) (shape={(n_rows_of(X), len(names))}) while a"
                f" minimum of 1 is required by {type(estimator).__name__}."
            )
    check_distinct(names)


def _string_names(names: Sequence[Any]) -> bool:
    """Return whether the names are strings; raises TypeError if only some are."""
    n_strings = sum(isinstance(name, str) for name in names)
    if 0 < n_strings < len(names):
        other = next(name for name in names if not isinstance(name, str))
        raise TypeError(
            "Feature names are only supported if all column names of X are strings, got"
            f" {other!r} of type {type(other).__name__}. Convert them with X.columns ="
            " X.columns.astype(str)."
        )
    return n_strings > 0


def _in_order_of_fit(estimator: Any, X: Any, names: Sequence[str] | None, n_features: int) -> Any:
    """Return X with the columns in the order of `fit`; raises ValueError if columns differ."""
    cls = type(estimator).__name__
    fitted = vars(estimator).get("feature_names_in_")
    expected = None if fitted is None else fitted.tolist()
    if names is not None and expected is not None and names != expected:
        unseen = [name for name in names if name not in set(expected)]
        missing = [name for name in expected if name not in set(names)]
        if unseen or missing:
            raise ValueError(_names_message(unseen, missing))
        return with_columns(X, expected)
    if (names is None) != (expected is None):
        without, has = ("X does not have valid feature names", "with")
        if expected is None:
            without, has = ("X has feature names", "without")
        warnings.warn(f"{without}, but {cls} was fitted {has} feature names", UserWarning)
    if n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {cls} is expecting {estimator.n_features_in_}"
            " features as input."
        )
    return X


def _names_message(unseen: Sequence[str], missing: Sequence[str]) -> str:
    """Return scikit-learn's message about feature names that differ from those of `fit`."""
    lines = ["The feature names should match those that were passed during fit."]
    for title, names in (
        ("Feature names unseen at fit time:", unseen),
        ("Feature names seen at fit time, yet now missing:", missing),
    ):
        if names:
            more = ["- ..."] if len(names) > MAX_NAMES else []
            lines += [title, *(f"- {escaped(name)}" for name in sorted(names)[:MAX_NAMES]), *more]
    return "\n".join(lines) + "\n"


def validated_targets(estimator: Any, y: Any) -> Array:
    """Return targets after scikit-learn's validation; raises ValueError for missing ones."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    values: Array = y if type(y) is np.ndarray else np.asarray(y)
    if is_text(values) and not estimator._y_numeric:
        return values  # scikit-learn converts the texts of all rows
    if not values.ndim:
        raise ValueError(f"y must have shape (n_samples,) or (n_samples, n_outputs), got {y!r}.")
    check_targets_present(values)
    values = values if estimator._y_numeric else with_common_type(values)
    try:
        checked = _check_y(
            values, multi_output=True, y_numeric=estimator._y_numeric, estimator=estimator
        )
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"y of a regressor must contain numbers: {error}. For class labels, use a classifier."
        ) from error
    if checked.ndim == 2 and checked.shape[1] == 1:
        checked = column_or_1d(checked, warn=True)
    return checked


def validated_weights(sample_weight: Any, rows: Any) -> Array | None:
    """Return the weights of rows; raises ValueError if one is negative or all are 0."""
    if sample_weight is None:
        return None
    w: Array = _check_sample_weight(sample_weight, rows)
    if (w < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`")
    if not w.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return w
