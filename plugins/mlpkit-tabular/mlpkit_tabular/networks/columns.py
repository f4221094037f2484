"""Which columns of encoded rows are embedded numbers, categories, or unchanged inputs.

All layers work on trailing axes: arrays and rows may have a leading axis of models.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array, Namespace, Spec


class ColumnGroups(NamedTuple):
    """The indices of the columns of x by what a network does with them.

    Parameters
    ----------
    numbers : tuple of int
        Columns that are embedded: numbers and dates with at least three values.
    flags : tuple of int
        Columns that are inputs of the network without an embedding.
    categories : tuple of int
        Columns with the codes of levels.
    n_levels : tuple of int
        Number of levels of each category.
    """

    numbers: tuple[int, ...]
    flags: tuple[int, ...]
    categories: tuple[int, ...] = ()
    n_levels: tuple[int, ...] = ()


def column_groups(spec: Spec, embedded: Sequence[int] | None = None) -> ColumnGroups:
    """Return the groups of the columns of a spec. Without columns, all are numeric.

    ``embedded`` are the columns of numbers that are embedded. If it is None, a numeric column with
    two values in the sample or less is a flag, since an embedding of it would be a linear function
    of it. Raises ValueError if they are not numeric columns.
    """
    columns = spec.columns or ()
    kinds = [column.kind for column in columns] or ["numeric"] * spec.n_features
    numeric = [i for i, kind in enumerate(kinds) if kind in ("numeric", "date")]
    if embedded is None:
        X = sample_rows(spec)
        numbers = [i for i in numeric if X is None or len(np.unique(X[:, i])) > 2]
    else:
        numbers = sorted(embedded)
        if not set(numbers) <= set(numeric) or len(set(numbers)) < len(numbers):
            raise ValueError(
                f"embedded must be None or different indices of numeric columns, which are"
                f" {numeric}, got {list(embedded)}."
            )
    flags = [i for i, kind in enumerate(kinds) if kind != "category" and i not in set(numbers)]
    categories = tuple(i for i, kind in enumerate(kinds) if kind == "category")
    n_levels = tuple(columns[i].n_levels for i in categories)
    return ColumnGroups(tuple(numbers), tuple(flags), categories, n_levels)


def sample_rows(spec: Spec) -> Array | None:
    """Return the rows of the sample in the dtype of the spec, (n, n_features), or None."""
    if spec.sample is None or spec.sample.X is None:
        return None
    X = spec.sample.X
    return np.asarray(X.toarray() if issparse(X) else X, spec.dtype)


def selected(xp: Namespace, x: Any, indices: tuple[int, ...]) -> Any:
    """Return the columns of x (..., n, n_features) with the indices, which are ascending."""
    first, last = indices[0], indices[-1]
    if last - first + 1 == len(indices):
        return x[..., first : last + 1]
    return xp.take(x, xp.asarray(np.array(indices, "int32"), dtype=xp.int32), axis=-1)
