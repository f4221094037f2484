"""The encoder "tabular"."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from mlpkit.plugin import Array, Arrays, Column, PortableEncoding
from mlpkit_tabular.encoding.arguments import (
    check_size,
    constancy_message,
    numeric_targets,
    used_rows,
    values_of,
)
from mlpkit_tabular.encoding.learning import Targets, learn_column
from mlpkit_tabular.encoding.parts import Parts
from mlpkit_tabular.encoding.portable import portable_encoding
from mlpkit_tabular.encoding.schema import Reader, Schema, schema_of
from mlpkit_tabular.encoding.tables import ColumnTable, Table, as_table
from mlpkit_tabular.encoding.values import all_missing


class TabularEncoder(TransformerMixin, BaseEstimator):
    """Encode the columns of a table, of any type, as one array of numbers.

    The table is a frame of pandas, polars or pyarrow, an array, or a list of rows. The type of a
    column decides what becomes of it:

    - Numbers, durations and times of day (as seconds): ``x / sqrt(1 + (x / 3)**2)`` of
      ``x = (value - median) / IQR``, or of ``2 * (value - median) / (max - min)`` if the IQR is
      zero. Missing values are the median. Infinite values are the largest or smallest finite
      value of `fit`.
    - Strings and categories: one-hot columns, or one column of codes if there are more than
      ``max_one_hot`` levels. Rare levels share a slot, to which levels that `fit` did not see also
      belong. Without rare levels, unseen levels have a slot of their own, as missing values have.
    - Booleans: 0 or 1. Missing values are 0.
    - Dates, also as strings such as "2024-05-31" or "2024-05-31 12:30": elapsed time, and the parts
      that vary, scaled as numbers.

    An indicator column marks missing values of numbers, booleans and dates if `fit` saw any.
    Columns that are constant in `fit` are left out.

    Parameters
    ----------
    max_one_hot : int, default=8
        Categories of at most this many levels become one-hot columns.
    min_count : float or None, default=None
        Levels that occur in fewer rows are rare. None means the smaller one of 10 and a 200th of
        the rows.
    max_levels : int, default=1000
        Maximum number of levels of a column that are not rare. The most frequent ones are kept.
    tied_values : bool, default=True
        Whether a column of numbers also becomes a category if its exact values predict the targets
        of held-out rows better than bins of the values do. Each frequent value is a level, and all
        others share one. This requires targets in `fit`.
    level_means : bool, default=True
        Whether a categorical column with rare levels also becomes the mean of the targets of each
        level, if these means predict held-out rows better than the means of the slots do. A mean
        includes ten additional rows with the overall mean. `fit_transform` computes the mean of a
        row from other rows. This requires targets in `fit`.

    Attributes
    ----------
    columns : tuple of Column
        The encoded columns: name, source, kind and number of levels.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if the table is a frame.

    Examples
    --------
    >>> from mlpkit_tabular import TabularEncoder
    >>> rows = [["red", 1.0], ["blue", 2.0], ["red", None], ["red", 3.0]]
    >>> encoder = TabularEncoder().fit(rows)
    >>> encoder.transform(rows).round(2)
    array([[-0.95,  0.  ,  0.  ,  1.  ],
           [ 0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.95,  0.  ,  0.  ,  1.  ]], dtype=float32)
    >>> encoder.get_feature_names_out().tolist()
    ['x1', 'x1_missing', 'x0_blue', 'x0_red']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_one_hot": [Interval(Integral, 0, None, closed="left")],
        "min_count": [Interval(Real, 0, None, closed="left"), None],
        "max_levels": [Interval(Integral, 1, None, closed="left")],
        "tied_values": ["boolean"],
        "level_means": ["boolean"],
    }

    def __init__(
        self,
        *,
        max_one_hot: int = 8,
        min_count: float | None = None,
        max_levels: int = 1000,
        tied_values: bool = True,
        level_means: bool = True,
    ) -> None:
        self.max_one_hot = max_one_hot
        self.min_count = min_count
        self.max_levels = max_levels
        self.tied_values = tied_values
        self.level_means = level_means

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the columns of a table.

        Parameters
        ----------
        X : dataframe, array or list of shape (n, n_features)
            The rows.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            The targets, for ``tied_values`` and ``level_means``.
        sample_weight : array-like of shape (n,), default=None
            Rows of weight zero are ignored. Other weights make no difference.

        Returns
        -------
        self : TabularEncoder
            The fitted encoder.
        """
        self._fit(as_table(X), y, sample_weight)
        return self

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Array:
        """Learn the columns of a table, and encode its rows.

        This differs from `fit` and `transform` in one point: the means of the targets by level,
        see ``level_means``, come from other rows for each row.

        Parameters
        ----------
        X : dataframe, array or list of shape (n, n_features)
            The rows.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            The targets.
        sample_weight : array-like of shape (n,), default=None
            Rows of weight zero are ignored.

        Returns
        -------
        ndarray of shape (n, n_columns), float32
        """
        table = as_table(X)
        used, means = self._fit(table, y, sample_weight)
        result = self._encode(table)
        if len(means):  # they are the last columns
            result[used, -len(means) :] = means.T
        return result

    def fit_columns(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[int, Array]:
        """Learn the columns of a table that does not fit into memory.

        Parameters
        ----------
        X : object
            The rows: an object with the attributes ``column_names``, ``shape`` and ``column``, as
            a table of pyarrow has them. One column after the other is read.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            The targets.
        sample_weight : array-like of shape (n,), default=None
            Rows of weight zero are ignored.

        Returns
        -------
        dict of ndarray of shape (n,)
            The encoded columns of the rows, by their index, that `fit_transform` would return
            and that differ from those of `transform`.
        """
        table = ColumnTable(X)
        used, means = self._fit(table, y, sample_weight)
        if not used.all():
            encoded = self._parts.by_name["means"].encode(Reader(self._schema, table))
            for column, of_used in zip(encoded, means, strict=True):
                column[used] = of_used
            means = encoded
        return dict(enumerate(means, len(self._columns) - len(means)))

    def transform(self, X: Any) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : dataframe, array or list of shape (n, n_features)
            Rows with the columns of the rows of `fit`. A frame may have them in any order, and
            more columns.

        Returns
        -------
        ndarray of shape (n, n_columns), float32
        """
        if not hasattr(self, "_schema"):
            check_is_fitted(self)
        return self._encode(as_table(X))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The encoded columns, in their order."""
        check_is_fitted(self)
        return self._columns

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the encoded columns.

        Parameters
        ----------
        input_features : None
            Ignored, as the names of the table are known.

        Returns
        -------
        ndarray of str objects
        """
        return np.array([column.name for column in self.columns], dtype=object)

    def portable(self) -> PortableEncoding:
        """Describe the encoder, so that exporters can convert it to other forms.

        Returns
        -------
        PortableEncoding
            The columns of the table, and the encoding in array functions. Dates are microseconds
            since 1970, in the time zone of `fit` if they have one.
        """
        check_is_fitted(self)
        return portable_encoding(self._schema, self._parts)

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return what `fit` learned.

        Returns
        -------
        arrays : dict of ndarray
            Statistics, by name.
        settings : dict
            Values that JSON can represent.
        """
        check_is_fitted(self)
        arrays, settings = self._parts.state()
        return arrays, {"schema": self._schema.state(), **settings}

    def set_state(self, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Restore what `get_state` returned.

        Parameters
        ----------
        arrays : dict of ndarray
            Statistics, by name.
        settings : dict
            The other values.

        Returns
        -------
        self : TabularEncoder
            The fitted encoder.
        """
        self._schema = Schema.from_state(settings["schema"])
        self._parts = Parts.from_state(arrays, settings)
        self._describe()
        return self

    def _fit(self, table: Table, y: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Learn from the columns of a table, one after the other.

        Returns which rows were used, bool (n,), and the encoded means of the targets by level for
        those rows, (n_means, n_used).
        """
        self._validate_params()
        check_size(table)
        n, all_targets = table.n_rows, numeric_targets(y, table.n_rows)
        used = np.ones(n, dtype=bool) if sample_weight is None else used_rows(sample_weight, n)
        if all_targets is not None and sample_weight is not None:
            all_targets = all_targets[used]
        targets = Targets(
            all_targets if self.tied_values else None, all_targets if self.level_means else None
        )
        n_used = int(np.count_nonzero(used))
        limits = {
            "min_count": min(10, n_used / 200) if self.min_count is None else self.min_count,
            "max_levels": self.max_levels,
            "max_one_hot": self.max_one_hot,
        }
        descriptions, learned = [], []
        for i, values in enumerate(values_of(table)):
            values = all_missing(n) if values.is_missing().all() else values
            descriptions.append(values.description)
            if sample_weight is not None:
                values = values._replace(data=values.data[used])
            learned.append(learn_column(values, i, targets, limits))
        schema, parts = schema_of(table, descriptions), Parts.of_columns(learned)
        if not parts.columns(schema.names):
            raise ValueError(constancy_message(schema, n_used))
        self._schema, self._parts = schema, parts
        self._describe()
        return used, np.concatenate([column.encoded_means for column in learned])

    def _encode(self, table: Table) -> Array:
        """Encode the rows of a table."""
        reader = Reader(self._schema, table)
        result = np.empty((reader.n_rows, len(self._columns)), dtype=np.float32)
        for i, column in enumerate(self._parts.encode(reader)):
            result[:, i] = column
        return result

    def _describe(self) -> None:
        """Set the attributes that follow from what was learned."""
        names = self._schema.names
        self._columns = self._parts.columns(names)
        self.n_features_in_ = len(names)
        if self._schema.has_names:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_columns")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags
