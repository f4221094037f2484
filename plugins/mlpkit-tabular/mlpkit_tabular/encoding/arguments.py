"""The arguments of `fit`: checks with messages, and the targets as numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.date_strings import with_dates
from mlpkit_tabular.encoding.python_values import MixedTypes
from mlpkit_tabular.encoding.schema import Schema
from mlpkit_tabular.encoding.tables import Table
from mlpkit_tabular.encoding.values import Values


def check_size(table: Table) -> None:
    """Raise ValueError if a table has no rows or no columns."""
    shape = (table.n_rows, len(table.names))
    for size, what in zip(shape, ("sample(s)", "feature(s)"), strict=True):
        if size == 0:
            raise ValueError(f"X has 0 {what} (shape={shape}) while a minimum of 1 is required.")


def values_of(table: Table) -> Iterator[Values]:
    """Yield the values of each column; an error about mixed types names all such columns."""
    for position in range(len(table.names)):
        try:
            values = with_dates(table.values(position))
        except MixedTypes as error:
            rest = range(position + 1, len(table.names))
            others = ", ".join(repr(table.names[i]) for i in rest if _mixes_types(table, i))
            if not others:
                raise
            raise MixedTypes(f"{error} The same applies to these columns: {others}.") from None
        yield values


def _mixes_types(table: Table, position: int) -> bool:
    """Return whether a column mixes types; other errors are those of the next call."""
    try:
        table.values(position)
    except MixedTypes:
        return True
    except (TypeError, ValueError):
        return False
    return False


def numeric_targets(y: Any, n: int) -> Array | None:
    """Return the numbers, or the indicators of classes, float64 (n, n_outputs).

    Raises ValueError unless there are n of them.
    """
    if y is None:
        return None
    array = np.asarray(y)
    if array.ndim == 0 or len(array) != n:
        found = f"got {len(array)}" if array.ndim else f"got {y!r}"
        raise ValueError(f"y must have one target for each of the {n} rows, {found}.")
    array = array.reshape(n, -1)
    if array.dtype.kind in "iufb":
        return np.asarray(array, dtype=np.float64)
    indicators = [column[:, None] == np.unique(column) for column in array.astype(str).T]
    # one indicator is enough for two classes
    columns = [i[:, 1:] if i.shape[1] == 2 else i for i in indicators]
    return np.asarray(np.column_stack(columns), dtype=np.float64)


def used_rows(sample_weight: Any, n: int) -> Array:
    """Whether the weight of each row is not zero, bool (n,)."""
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n} rows, shape ({n},), got shape "
            f"{weights.shape}."
        )
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return np.asarray(weights != 0)


def constancy_message(schema: Schema, n_rows: int) -> str:
    """The message about a table without information."""
    names = schema.names
    if all(kind == "missing" for kind in schema.kinds):
        return f"All values of X are missing, in {n_rows} rows and {len(names)} columns."
    if n_rows == 1:
        return "X has 1 sample (n_samples=1), so all of its columns are constant. Pass more rows."
    listed = ", ".join(map(repr, names[:10]))
    return (
        f"All columns of X are constant in its {n_rows} rows ({listed}), so nothing can be learned"
        " from them. Pass rows that differ."
    )
