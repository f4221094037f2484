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

from typing import Any, Literal, NamedTuple, Protocol, Self

from mlpkit.plugin.arrays import Array, Arrays

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
