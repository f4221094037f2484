"""Encoders: they learn from a table, and turn rows of it into one array of numbers.

An encoder has the methods of a transformer of scikit-learn, and describes the columns of its
result, so a builder can treat categories and numbers differently::

    # mlpkit_ranks.py, entry point: ranks = "mlpkit_ranks"
    import numpy as np
    from mlpkit.plugin import Column, Component, hookimpl

    class Ranks:
        def fit(self, X, y=None, sample_weight=None):
            self.sorted_ = np.sort(np.asarray(X, dtype=float), axis=0)
            return self

        def transform(self, X):
            X = np.asarray(X, dtype=float)
            ranks = [np.searchsorted(s, x) for s, x in zip(self.sorted_.T, X.T)]
            return np.stack(ranks, axis=1) / len(self.sorted_)

        @property
        def columns(self):
            return tuple(Column(f"rank_{i}", f"x{i}") for i in range(self.sorted_.shape[1]))

        def get_feature_names_out(self, input_features=None):
            return np.array([column.name for column in self.columns], dtype=object)

        def get_state(self):
            return {"sorted": self.sorted_}, {}

        def set_state(self, arrays, settings):
            self.sorted_ = arrays["sorted"]
            return self

    @hookimpl
    def mlpkit_encoders():
        return [Component("ranks", "mlpkit_ranks:Ranks", "ranks of the training rows")]
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, Self

from mlpkit.plugin.arrays import Array, Arrays, Namespace

#: What a column of encoded rows contains. "numeric": a number. "category": the code of a level, a
#: whole number from 0 to ``n_levels - 1``. "one_hot" and "boolean": 0 or 1. "date": a part of a
#: date, or elapsed time. "missing": 1 where the value of the table is missing, else 0.
ColumnKind = Literal["numeric", "category", "one_hot", "boolean", "date", "missing"]


class Column(NamedTuple):
    """One column of encoded rows.

    Parameters
    ----------
    name : str
        Name of the encoded column, unique among them.
    source : str
        Name of the column of the table that it comes from; empty if it is not known.
    kind : {"numeric", "category", "one_hot", "boolean", "date", "missing"}, default="numeric"
        What the column contains.
    n_levels : int, default=0
        Number of levels of a category; 0 for other kinds.
    """

    name: str
    source: str
    kind: ColumnKind = "numeric"
    n_levels: int = 0


class TableColumn(NamedTuple):
    """A column of a table, as a `PortableEncoding` receives it.

    Parameters
    ----------
    name : str
        Name of the column.
    position : int
        Its position in the table of `fit`.
    kind : {"number", "boolean", "date", "category"}
        What the array of the column (n,) contains. "number": float64, NaN for a missing value;
        durations and times of day in seconds. "boolean": 0 or 1 as float64, NaN for a missing
        value. "date": microseconds since 1970 as float64, which are exact from 1685 to 2255, NaN
        for a missing value. "category": an integer, the index of the value in `levels`,
        ``len(levels)`` for another value, and ``len(levels) + 1`` for a missing value.
    levels : tuple of str or tuple of float, default=()
        The values of a category that are distinguished: strings, or numbers.
    missing : bool, default=True
        Whether a missing value is distinguished from a value that is not among the levels.
    """

    name: str
    position: int
    kind: Literal["number", "boolean", "date", "category"]
    levels: tuple[str, ...] | tuple[float, ...] = ()
    missing: bool = True

    @property
    def has_strings(self) -> bool:
        """Whether the values of the table are strings; those of a category without levels are."""
        return self.kind == "category" and all(isinstance(level, str) for level in self.levels)


class PortableEncoding(NamedTuple):
    """The description of a fitted encoder, by which exporters convert it to other forms.

    The encoded rows are those of `Encoder.transform`. How the values of a table become arrays of
    numbers is the task of the exporter, and `encode` is written with the functions of `xp`.

    Parameters
    ----------
    columns : tuple of TableColumn
        The columns of the table that the encoder reads.
    encode : callable
        ``encode(xp, arrays)``: the encoded rows (n, n_columns) of a list with an array (n,) for
        each of the columns, where ``xp`` is a namespace with the functions of `NAMESPACE`.
    """

    columns: tuple[TableColumn, ...]
    encode: Callable[[Namespace, list[Any]], Any]


class Encoder(Protocol):
    """What the factory of an encoder returns.

    The estimator validates the number of rows and the names of the columns, and calls `fit` of a
    new encoder. What `fit` learns consists of arrays and of values that JSON can represent:
    `get_state` returns them, and `set_state` restores them in a new encoder with the same
    options. The names of attributes that `fit` sets end in an underscore, as in scikit-learn, so
    that `partial_fit` recognizes a fitted encoder and uses it as it is; a method
    ``__sklearn_is_fitted__`` serves the same purpose.

    An encoder may also have ``fit_transform(X, y=None, sample_weight=None)``, which encodes the
    training rows. It is for encodings that depend on the targets, which are computed out of fold
    for the training rows.

    A method ``fit_columns(X, y=None, sample_weight=None)`` is for tables that do not fit into
    memory, as `mlpkit.scan` describes them. It learns what `fit` learns from an X that has the
    attributes ``column_names`` and ``shape`` and a method ``column(name)``, which reads one column
    as an array of pyarrow. It returns a dict with those encoded columns (n,) of the training rows,
    by their index, that differ from what `transform` returns, such as encodings that are computed
    out of fold. Without this method, an encoder receives all rows in memory.

    A method ``portable()`` that returns a `PortableEncoding` after `fit` lets exporters convert the
    encoder to another form.
    """

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the encoded rows, in their order. Defined after `fit`."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : dataframe or ndarray of shape (n, n_features)
            The rows: a dataframe of pandas, polars or pyarrow, or an array of numbers or objects.
        y : ndarray of shape (n, n_outputs) or None, default=None
            Targets: numbers, or the indicators of classes.
        sample_weight : ndarray of shape (n,) or None, default=None
            Weights of the rows, without class weights.

        Returns
        -------
        self : object
            The encoder itself.
        """

    def transform(self, X: Any) -> Array:
        """Encode rows, each independently of the others.

        Parameters
        ----------
        X : dataframe or ndarray of shape (n, n_features)
            Rows with the columns of the rows of `fit`. A dataframe may have them in any order,
            but estimators pass them in the order of `fit`. There may be no row.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Finite numbers, float32 or float64, also for levels that `fit` has not seen and for
            missing values.
        """

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of `columns`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used; it exists as in scikit-learn.

        Returns
        -------
        ndarray of shape (n_columns,), dtype=object
            The names.
        """

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return what `fit` learned.

        Returns
        -------
        arrays : dict of ndarray
            Arrays by name, none of dtype object.
        settings : dict
            Values that JSON can represent.
        """

    def set_state(self, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Restore what `get_state` returned.

        Parameters
        ----------
        arrays : dict of ndarray
            Arrays by name.
        settings : dict
            Values that JSON can represent, after a round trip through JSON.

        Returns
        -------
        self : object
            The encoder itself.
        """
