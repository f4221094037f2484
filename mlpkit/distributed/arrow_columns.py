"""Columns of tables of any kind as arrays of pyarrow, joined over the processes of a group."""

from typing import Any

import numpy as np
import pyarrow as pa

from mlpkit.data.tables import is_arrow
from mlpkit.plugin import Array


def column(table: Any, i: int) -> pa.Array:
    """A column of a table of any kind, without dictionaries, since these differ between parts."""
    if is_arrow(table):
        values = table.column(i)
    elif hasattr(table, "iloc"):
        values = pa.Array.from_pandas(table.iloc[:, i])
    elif hasattr(table, "get_column"):
        values = table[:, i].to_arrow()
    else:
        values = pa.array(np.ascontiguousarray(table[:, i]))
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values


def joined(name: str, chunks: list[pa.Array], order: Array) -> pa.ChunkedArray:
    """The chunks as one column, whose rows are taken in this order.

    Chunks of other types are converted to the type that can hold all values. Raises ValueError,
    with the name of the column, if there is none.
    """
    tables = [pa.table({name: chunk}) for chunk in chunks]
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        types = sorted({str(chunk.type) for chunk in chunks})
        raise ValueError(
            f"The parts of X have different types in column {name!r}: {', '.join(types)}. Convert"
            f" the column to one type, for example with X[{name!r}].astype(str)."
        ) from error
    return pa.chunked_array([table.column(0).combine_chunks().take(pa.array(order))])
