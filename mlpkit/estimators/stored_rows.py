"""Rows of files as memory maps of numbers: validated, or encoded."""

import json
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mlpkit.data.memory_maps import created_rows, fill, opened_rows
from mlpkit.data.row_sources import StoredTable
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.error_hints import text_columns_message
from mlpkit.estimators.table_validation import validated_table
from mlpkit.plugin import Array

ROWS, SHAPE = "rows", "shape.json"  # the files of kept rows


def numbers(estimator: Any, table: StoredTable, dtype: str | None, reset: bool) -> Any:
    """Return the rows of a table as numbers, after scikit-learn's validation.

    Without a ``dtype`` they are float32 if all columns are, and else float64. Sets the attributes
    of the features of the estimator if ``reset``. Raises ValueError, with the numbers of the rows,
    for text, for missing and for infinite values.
    """
    table = validated_table(estimator, table, reset)
    return converted(
        table, lambda part: as_dtype(_numbers(estimator, part), dtype), {"numbers": dtype}
    )


def converted(
    table: StoredTable, convert: Callable[[Any], Array], content: dict[str, Any] | None
) -> Any:
    """Return ``convert(part)`` of all parts of a table, as its method `converted` does.

    A table with a cache keeps it there; ``content`` is what it depends on besides the table, or
    None if that is not known.
    """
    if table.cache is None or content is None:
        return written(table, convert)
    return table.cache.entry(content, partial(written, table, convert), opened)


def written(table: StoredTable, convert: Callable[[Any], Array], folder: Path | None = None) -> Any:
    """Write ``convert(part)`` of all parts to a folder, or to a temporary one."""
    if folder is None:
        return table.converted(convert)
    blocks = table.blocks(convert)
    first = next(blocks)
    shape = (table.shape[0], first.shape[1])
    return kept(folder, chain([first], blocks), shape, first.dtype)


def kept(folder: Path, blocks: Iterable[Array], shape: tuple[int, int], dtype: Any) -> Array:
    """Write blocks of rows to a folder, from which `opened` reads them."""
    rows = created_rows(folder / ROWS, shape, dtype, "Pass another folder to scan(..., cache=...)")
    fill(rows, blocks)
    rows.flush()
    (folder / SHAPE).write_text(json.dumps([*shape, np.dtype(dtype).name]))
    return rows


def opened(folder: Path) -> Array:
    """Return rows that were kept, as a memory map."""
    n_rows, n_columns, dtype = json.loads((folder / SHAPE).read_text())
    return opened_rows(folder / ROWS, (n_rows, n_columns), dtype)


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
