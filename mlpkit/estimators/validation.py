"""Validation of the data that `fit`, `partial_fit` and `predict` receive."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlpkit.data.plain_arrays import are_plain, is_plain
from mlpkit.data.targets import Targets
from mlpkit.estimators.error_hints import text_columns_message
from mlpkit.plugin import Dataset

SPARSE = ["csr", "csc"]


def validated_rows(estimator: Any, rows: Dataset, dtype: str | None, reset: bool) -> Dataset:
    """Return X, y and sample weights after scikit-learn's validation, with X as ``dtype``."""
    X, y = rows.X, rows.y
    if reset or not are_plain(X, y, estimator):
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse=SPARSE,
            multi_output=True,
            y_numeric=estimator._y_numeric,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
    if dtype is not None and dtype != X.dtype:
        with np.errstate(over="ignore"):  # the check below raises an error instead
            X = X.astype(dtype)
        if not np.isfinite(X.data if issparse(X) else X).all():
            raise ValueError(f"X contains values that are too large for dtype={dtype!r}. Scale X.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    w = None
    if rows.sample_weight is not None:
        w = _check_sample_weight(rows.sample_weight, X)
        if (w < 0).any():
            raise ValueError("Negative values in data passed to `sample_weight`")
        if not w.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
    return Dataset(X, y, w)


def validated_set(
    estimator: Any, name: str, rows: Dataset, dtype: str | None, targets: Targets
) -> Dataset:
    """Return an evaluation set with encoded targets, validated like the training rows."""
    try:
        valid_rows = validated_rows(estimator, rows, dtype, reset=False)
        return valid_rows._replace(y=targets.encode_known(valid_rows.y))
    except (TypeError, ValueError) as error:
        hint = ""
        if getattr(rows.X, "shape", ())[1:] not in ((), (estimator.n_features_in_,)):
            from mlpkit.monitoring.drift import PIPELINE

            hint = f" {PIPELINE['validation' if name == 'validation' else 'eval_sets']}"
        message = text_columns_message(error, rows.X) or str(error)
        error_type = TypeError if isinstance(error, TypeError) else ValueError
        raise error_type(f"{name} rows: {message}{hint}") from error


def validated_X(estimator: Any, X: Any) -> Any:
    """Return X after the validation for a prediction."""
    if is_plain(X, estimator):
        return X
    check_is_fitted(estimator)
    try:
        return validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    except ValueError as error:
        if message := text_columns_message(error, X):
            raise ValueError(message) from error
        raise
