"""Rows of files as memory maps of numbers: validated, or encoded."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mlpkit.data.memory_maps import written_rows
from mlpkit.data.row_sources import StoredTable
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.error_hints import text_columns_message
from mlpkit.estimators.table_validation import validated_table
from mlpkit.plugin import Array


def numbers(estimator: Any, table: StoredTable, dtype: str | None, reset: bool) -> Array:
    """Return the rows of a table as a memory map, after scikit-learn's validation.

    Without a ``dtype`` they are float32 if all columns are, and else float64. Sets the attributes
    of the features of the estimator if ``reset``. Raises ValueError, with the numbers of the rows,
    for text, for missing and for infinite values.
    """
    table = validated_table(estimator, table, reset)
    return converted(table, lambda part: as_dtype(_numbers(estimator, part), dtype))


def converted(table: StoredTable, convert: Callable[[Any], Array]) -> Array:
    """Return ``convert(part)`` of all parts of a table as one memory map."""
    blocks = _blocks(table, convert)
    first = next(blocks)
    return written_rows(chain([first], blocks), table.shape[0], first.shape[1], first.dtype)


def _blocks(table: StoredTable, convert: Callable[[Any], Array]) -> Iterator[Array]:
    begin = 0
    for part in table.parts():
        try:
            yield convert(part)
        except ValueError as error:
            rows = f"rows {begin + 1:,} to {begin + part.num_rows:,}"
            raise type(error)(f"{table.name}, {rows}: {error}") from error
        begin += part.num_rows


def _numbers(estimator: Any, part: Any) -> Array:
    try:
        return check_array(  # type: ignore[no-any-return]
            np.asarray(part),
            dtype=(np.float64, np.float32),
            estimator=estimator,
            input_name="X",
        )
    except ValueError as error:
        if message := text_columns_message(error, part):
            raise ValueError(message) from error
        raise
