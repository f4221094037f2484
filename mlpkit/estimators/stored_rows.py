"""Rows of files as memory maps of numbers: validated, or encoded."""

from typing import Any

import numpy as np
from sklearn.utils import check_array

from mlpkit.data.row_sources import StoredTable
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.error_hints import text_columns_message
from mlpkit.estimators.table_validation import validated_table


def numbers(estimator: Any, table: StoredTable, dtype: str | None, reset: bool) -> Any:
    """Return the rows of a table as numbers, after scikit-learn's validation.

    Without a ``dtype`` they are float32 if all columns are, and else float64. Sets the attributes
    of the features of the estimator if ``reset``. Raises ValueError, with the numbers of the rows,
    for text, for missing and for infinite values.
    """
    table = validated_table(estimator, table, reset)
    return table.converted(lambda part: as_dtype(_numbers(estimator, part), dtype))


def _numbers(estimator: Any, part: Any) -> Any:
    try:
        return check_array(
            np.asarray(part),
            dtype=(np.float64, np.float32),
            estimator=estimator,
            input_name="X",
        )
    except ValueError as error:
        if message := text_columns_message(error, part):
            raise ValueError(message) from error
        raise
