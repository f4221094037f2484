"""Columns of any table with shuffled rows; the other columns are unchanged."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import hstack, issparse

from mlpkit.data.tables import check_distinct, column_names, is_arrow
from mlpkit.messages import comma_separated, did_you_mean, escaped, plain_repr
from mlpkit.plugin import Array


def feature_groups(X: Any, columns: Any) -> dict[str, tuple[int, ...]]:
    """The indices of the columns that are shuffled together, by name.

    Parameters
    ----------
    X : table
        The rows.
    columns : sequence, dict or None
        Names or indices of columns, each of which is shuffled alone; or a dict of sequences of
        them by the name of the group. None means every column.

    Raises
    ------
    ValueError
        If a column does not exist, or if there is none.

    Examples
    --------
    >>> feature_groups(np.ones((2, 3)), {"both": [0, 2]})
    {'both': (0, 2)}
    """
    names = column_names(X)
    check_distinct(map(str, names or []))
    shown = [f"x{i}" for i in range(np.shape(X)[1])] if names is None else list(map(str, names))
    if columns is None:
        return {name: (i,) for i, name in enumerate(shown)}
    if isinstance(columns, Mapping):
        groups = {str(name): _indices(own, names, shown) for name, own in columns.items()}
    else:
        indices = _indices(columns, names, shown)
        groups = {shown[i]: (i,) for i in indices}
    empty = [name for name, own in groups.items() if not own]
    if empty or not groups:
        of = f" for the group {escaped(empty[0])!r}" if empty else ""
        raise ValueError(f"columns must contain at least one column{of}.")
    return groups


def _indices(keys: Any, names: Sequence[Any] | None, shown: Sequence[str]) -> tuple[int, ...]:
    keys = [keys] if isinstance(keys, str | Integral) else keys
    if not isinstance(keys, Iterable):
        raise ValueError(f"columns must be names or indices, got {plain_repr(keys)}.")
    known = list(shown if names is None else names)
    indices = []
    for key in keys:
        if isinstance(key, bool | np.bool_):
            raise ValueError(
                f"columns must contain names or indices, got {plain_repr(key)}. For a mask, pass"
                " numpy.flatnonzero(mask)."
            )
        if key in known:
            indices.append(known.index(key))
        elif isinstance(key, Integral) and -len(known) <= int(key) < len(known):
            indices.append(int(key) % len(known))
        else:
            raise ValueError(
                f"X has no column {plain_repr(key)}. Its columns are:"
                f" {comma_separated(known[:50])}."
                f" {did_you_mean(str(key), [n for n in known if isinstance(n, str)])}".rstrip()
            )
    return tuple(dict.fromkeys(indices))


def shuffled(X: Any, indices: Iterable[int], order: Array) -> Any:
    """A copy of the table in which these columns have their rows in another order.

    Dtypes, names and the index of a dataframe are kept.

    >>> shuffled(np.array([[1, 2], [3, 4]]), [1], np.array([1, 0])).tolist()
    [[1, 4], [3, 2]]
    """
    if is_arrow(X):
        for i in indices:
            X = X.set_column(i, X.field(i), X.column(i).take(order))
        return X
    if hasattr(type(X), "isetitem"):  # pandas
        X = X.copy(deep=False)
        for i in indices:
            X.isetitem(i, X.iloc[order, i].array)
        return X
    if hasattr(type(X), "with_columns"):  # polars
        return X.with_columns([X[:, i].gather(order) for i in indices])
    if issparse(X):
        X, chosen = X.tocsc(), set(indices)
        columns = [X[:, [i]][order] if i in chosen else X[:, [i]] for i in range(X.shape[1])]
        return hstack(columns, format="csr")
    X = np.array(X)
    for i in indices:
        X[:, i] = X[order, i]
    return X
