"""Validation of the data that `fit`, `partial_fit` and `predict` receive."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpkit.data.cluster_rows import local
from mlpkit.data.plain_rows import plain_data, plain_X
from mlpkit.data.row_sources import StoredTable
from mlpkit.data.targets import Targets
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.error_hints import text_columns_message
from mlpkit.estimators.table_validation import (
    validated_table,
    validated_table_rows,
    validated_targets,
    validated_weights,
)
from mlpkit.plugin import Dataset

if TYPE_CHECKING:
    from mlpkit.estimators.encoding import Encoding

SPARSE = ["csr", "csc"]


def validated_rows(estimator: Any, rows: Dataset, dtype: str | None, reset: bool) -> Dataset:
    """Return X, y and sample weights after scikit-learn's validation, with X as ``dtype``."""
    if isinstance(rows.X, StoredTable):
        from mlpkit.estimators import stored_rows  # imports what other fits do not need

        numbers = stored_rows.numbers(estimator, rows.X, dtype, reset)
        y = validated_targets(estimator, rows.y)
        return Dataset(numbers, y, validated_weights(rows.sample_weight, numbers))
    y = rows.y
    X = None if reset else plain_data(rows.X, y, estimator)
    if X is None:
        X, y = validate_data(
            estimator,
            rows.X,
            y,
            accept_sparse=SPARSE,
            multi_output=True,
            y_numeric=estimator._y_numeric,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
    X = as_dtype(X, dtype)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return Dataset(X, y, validated_weights(rows.sample_weight, X))


def validated_set(
    estimator: Any,
    name: str,
    rows: Dataset,
    dtype: str | None,
    targets: Targets,
    kind: str = "eval_sets",
) -> Dataset:
    """Return other rows with encoded targets, validated like the training rows.

    ``name`` and ``kind``, "validation", "eval_sets" or "calibration", are for error messages.
    """
    encoding: Encoding | None = vars(estimator).get("_encoding")
    try:
        if encoding is None:
            valid_rows = validated_rows(estimator, rows, dtype, reset=False)
        else:
            valid_rows = validated_table_rows(estimator, rows, reset=False)
            valid_rows = valid_rows._replace(X=encoding.rows(valid_rows.X, dtype))
        return valid_rows._replace(y=targets.encode_known(valid_rows.y))
    except (TypeError, ValueError) as error:
        hint = ""
        if encoding is None and getattr(rows.X, "shape", ())[1:] not in (
            (),
            (estimator.n_features_in_,),
        ):
            from mlpkit.monitoring.drift import PIPELINE

            hint = f" {PIPELINE[kind]}"
        message = text_columns_message(error, rows.X) or str(error)
        error_type = TypeError if isinstance(error, TypeError) else ValueError
        raise error_type(f"{name} rows: {message}{hint}") from error


def validated_X(estimator: Any, X: Any) -> Any:
    """Return X after the validation for a prediction, encoded if there is an encoder."""
    encoding: Encoding | None = estimator.__dict__.get("_encoding")
    if encoding is not None:
        (X,) = local(X=X)
        return encoding.rows(validated_table(estimator, X, reset=False))
    plain = plain_X(X, estimator)
    if plain is not None:
        return plain
    (X,) = local(X=X)
    check_is_fitted(estimator)
    try:
        return validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    except ValueError as error:
        if message := text_columns_message(error, X):
            raise ValueError(message) from error
        raise
