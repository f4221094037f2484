"""The kinds of columns, and columns converted to the kind that a model expects."""

from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from mlpkit.data.column_kinds import Kind
from mlpkit.messages import escaped
from mlpkit.plugin import Array
from mlpkit.sources.errors import InputError, one_line

TYPES: dict[Kind, pa.DataType] = {  # of columns of CSV files; all others are read as text
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


def kind_of(dtype: pa.DataType) -> Kind:
    """Return the kind of a column of an Arrow type.

    >>> kind_of(pa.int8()), kind_of(pa.dictionary(pa.int8(), pa.string())), kind_of(pa.date32())
    ('number', 'text', 'date')
    """
    types = pa.types
    if types.is_boolean(dtype):
        return "boolean"
    if types.is_integer(dtype) or types.is_floating(dtype) or types.is_decimal(dtype):
        return "number"
    if types.is_dictionary(dtype) or is_text(dtype):
        return "text"
    if types.is_date(dtype) or types.is_timestamp(dtype):
        return "date"
    return "empty" if types.is_null(dtype) else "other"


def is_text(dtype: pa.DataType) -> bool:
    """Return whether the values of a type are strings."""
    types = pa.types
    return bool(
        types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype)
    )


def plain(column: Any) -> Any:
    """Return a column whose values are stored one by one, and not as codes of levels."""
    dtype = plain_type(column.type)
    return column if dtype == column.type else column.cast(dtype)


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type of the values of a column."""
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


def as_text(column: Any) -> Any:
    """Return a column as text, whole numbers without a decimal point.

    >>> as_text(pa.chunked_array([[1.0, 2.0, None]])).to_pylist()
    ['1', '2', None]
    """
    column = plain(column)
    if pa.types.is_floating(column.type):
        whole = compute.all(compute.equal(compute.round(column), column)).as_py()
        if whole is not False and _fits(column):
            column = column.cast(pa.int64(), safe=False)
    return column if is_text(column.type) else column.cast(pa.string())


def as_numbers(column: Any, name: str) -> Any:
    """Return a column as real numbers; InputError if a value is not one."""
    column = plain(column)
    if kind_of(column.type) not in ("number", "boolean", "empty"):
        raise InputError(
            f"column {escaped(name)!r} must contain numbers, but its type is {column.type}"
        )
    try:
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        return column.cast(pa.float64(), safe=False)
    except pa.ArrowException as error:
        raise InputError(f"column {escaped(name)!r}: {one_line(error)}") from error


def numpy_of(column: Any, name: str) -> Array:
    """Return a column without missing values as a NumPy array; text as an array of objects."""
    if column.null_count:
        row = compute.index(column.is_null(), True).as_py()
        missing = f"a missing value in row {row + 1:,}. Remove this row."
        if column.null_count > 1:
            missing = (
                f"{column.null_count:,} missing values, the first one in row {row + 1:,}."
                " Remove these rows."
            )
        raise InputError(f"column {escaped(name)!r} has {missing}")
    if is_text(plain_type(column.type)):
        return objects_of(column)
    column = plain(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy())


def objects_of(column: Any) -> Array:
    """Return a column as an array of objects, of which equal values are one.

    >>> objects_of(pa.chunked_array([["a", None], ["a"]])).tolist()
    ['a', None, 'a']
    """
    codes = coded(column).unify_dictionaries().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):  # without rows
        return np.array(codes.to_pylist(), dtype=object)
    values = np.empty(len(codes.dictionary) + 1, dtype=object)
    values[:-1] = codes.dictionary.to_pylist()
    indices = np.asarray(codes.indices.fill_null(len(values) - 1))
    return values.take(indices)


def coded(column: Any) -> Any:
    """Return a column as codes of its values."""
    if pa.types.is_dictionary(column.type):
        return column
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column.dictionary_encode()


def _fits(column: Any) -> bool:
    """Whether all values of a column of real numbers are integers of 64 bits."""
    largest = compute.max(compute.abs(column)).as_py()
    return largest is None or largest < 2.0**62
