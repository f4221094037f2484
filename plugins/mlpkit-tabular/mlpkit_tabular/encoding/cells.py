"""The cells of few rows, read at once: one by one, columns take longer than their encoding."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.python_values import is_missing

_NUMBERS = ("i", "u", "f")


class Cells(NamedTuple):
    """Cells of numbers and of Python objects.

    Parameters
    ----------
    array : ndarray of shape (n, n_columns)
        The cells.
    numeric, textual : sequence of bool
        Whether the type of each column is one of NumPy's types of numbers, and whether it is that
        of objects or strings. If it is another type, the array may not have the cells.
    """

    array: Array
    numeric: Sequence[bool]
    textual: Sequence[bool]

    def numbers(self, positions: list[int]) -> Array:
        """Return columns of numbers as floats, (k, n)."""
        return np.asarray(self.array[:, positions].T, dtype=np.float64)

    def strings(self, position: int) -> list[str | None] | None:
        """Return a column of strings, None where they are missing; None for another column."""
        if not self.textual[position]:
            return None
        values = self.array[:, position].tolist()
        if all(type(v) is str or is_missing(v) for v in values):
            return [v if type(v) is str else None for v in values]
        return None


def cells_of_frame(frame: Any) -> Cells:
    """Return the cells of a frame of pandas."""
    kinds = [_kind(dtype) for dtype in frame.dtypes.tolist()]
    numeric, textual = [kind in _NUMBERS for kind in kinds], [kind == "O" for kind in kinds]
    if all(numeric):
        return Cells(frame.to_numpy(dtype=np.float64), numeric, textual)
    read = [i for i, used in enumerate(zip(numeric, textual, strict=True)) if any(used)]
    if len(read) == len(kinds):
        return Cells(frame.to_numpy(dtype=object), numeric, textual)
    array = np.empty((len(frame), len(kinds)), dtype=object)
    if read:
        array[:, read] = frame.take(read, axis=1).to_numpy(dtype=object)
    return Cells(array, numeric, textual)


def cells_of_array(array: Array) -> Cells:
    """Return the cells of an array."""
    n, kind = array.shape[1], array.dtype.kind
    return Cells(array, [kind in _NUMBERS] * n, [kind == "O"] * n)


def _kind(dtype: Any) -> str:
    """Return the kind of a dtype of NumPy, "O" for strings of pandas, "" for its other types."""
    if isinstance(dtype, np.dtype):
        return dtype.kind
    return "O" if type(dtype).__name__ == "StringDtype" else ""
