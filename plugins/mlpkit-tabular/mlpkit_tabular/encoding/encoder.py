"""The encoder "tabular"."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from mlpkit.plugin import Array, Arrays, Column
from mlpkit_tabular.encoding.categories import Categories, Levels, learn_levels
from mlpkit_tabular.encoding.date_strings import with_dates
from mlpkit_tabular.encoding.dates import Dates
from mlpkit_tabular.encoding.level_means import LevelMeans, Means, learn_means
from mlpkit_tabular.encoding.numeric import Booleans, Numbers
from mlpkit_tabular.encoding.schema import Reader, Schema, schema_of
from mlpkit_tabular.encoding.tables import Table, as_table
from mlpkit_tabular.encoding.values import Values, all_missing

_PARTS: dict[str, Any] = {
    "numbers": Numbers,
    "dates": Dates,
    "booleans": Booleans,
    "categories": Categories,
    "means": Means,
}


class TabularEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
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
        arrays: Arrays = {}
        settings: dict[str, Any] = {"schema": self._schema.state()}
        for key, part in self._parts.items():
            part_arrays, settings[key] = part.state()
            arrays |= {f"{key}.{name}": array for name, array in part_arrays.items()}
        return arrays, settings

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
        self._parts = {}
        for key, part in _PARTS.items():
            own = {
                k.removeprefix(f"{key}."): a for k, a in arrays.items() if k.startswith(f"{key}.")
            }
            self._parts[key] = part.from_state(own, settings[key])
        self._describe()
        return self

    def _fit(self, table: Table, y: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Learn from a table.

        Returns which rows were used, bool (n,), and the encoded means of the targets by level for
        those rows, (n_means, n_used).
        """
        self._validate_params()
        _check_size(table)
        n = table.n_rows
        values = [with_dates(table.values(i)) for i in range(len(table.names))]
        values = [all_missing(n) if v.is_missing().all() else v for v in values]
        schema = schema_of(table, values)
        targets, used = _targets(y), np.ones(n, dtype=bool)
        if targets is not None and len(targets) != n:
            raise ValueError(
                f"y must have one target for each of the {n} rows, got {len(targets)}."
            )
        if sample_weight is not None:
            used = _used_rows(sample_weight, n)
            values = [v._replace(data=v.data[used]) for v in values]
            targets = targets if targets is None else targets[used]
        parts, means = self._learn(values, targets)
        if not any(part.columns(schema.names) for part in parts.values()):
            raise ValueError(_nothing_left(values, schema.names))
        self._schema, self._parts = schema, parts
        self._describe()
        return used, means

    def _encode(self, table: Table) -> Array:
        """Encode the rows of a table."""
        reader = Reader(self._schema, table)
        result = np.empty((reader.n_rows, len(self._columns)), dtype=np.float32)
        encoded = (column for part in self._parts.values() for column in part.encode(reader))
        for i, column in enumerate(encoded):
            result[:, i] = column
        return result

    def _learn(self, values: list[Values], targets: Array | None) -> tuple[dict[str, Any], Array]:
        """Fit each part to the columns of its kinds; also return the encoded means."""
        n = len(values[0].data)
        min_count = min(10, n / 200) if self.min_count is None else self.min_count

        def of_kind(*kinds: str) -> tuple[list[int], list[Array]]:
            positions = [i for i, v in enumerate(values) if v.kind in kinds]
            return positions, [values[i].data for i in positions]

        positions, numbers = of_kind("number", "duration", "time")
        x = np.stack(numbers) if numbers else np.empty((0, n))
        parts: dict[str, Any] = {
            "numbers": Numbers.fit(x, positions, targets if self.tied_values else None, min_count)
        }
        positions, dates = of_kind("date")
        parts["dates"] = Dates.fit(dates, positions)
        positions, booleans = of_kind("boolean")
        x = np.stack(booleans) if booleans else np.empty((0, n))
        parts["booleans"] = Booleans.fit(x, positions)
        features: list[Levels] = []
        means: list[LevelMeans] = []
        encoded: list[Array] = [np.empty((0, n))]
        for i in of_kind("category")[0]:
            feature = learn_levels(
                values[i],
                i,
                min_count=min_count,
                max_levels=self.max_levels,
                max_one_hot=self.max_one_hot,
            )
            features += [] if feature is None else [feature]
            folded = feature is None or feature.rare
            if folded and len(values[i].levels) > 1 and self.level_means and targets is not None:
                slots = np.zeros(n, dtype=int) if feature is None else feature.slots(values[i])
                learned = learn_means(values[i], slots, targets, i)
                if learned:
                    means.append(learned[0])
                    encoded.append(learned[1])
        parts |= {"categories": Categories(features), "means": Means(means)}
        return parts, np.concatenate(encoded)

    def _describe(self) -> None:
        """Set the attributes that follow from what was learned."""
        names = self._schema.names
        columns = [c for part in self._parts.values() for c in part.columns(names)]
        self._columns = tuple(_with_unique_names(columns))
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


def _check_size(table: Table) -> None:
    """Raise ValueError if a table has no rows or no columns."""
    shape = (table.n_rows, len(table.names))
    for size, what in zip(shape, ("sample(s)", "feature(s)"), strict=True):
        if size == 0:
            raise ValueError(f"X has 0 {what} (shape={shape}) while a minimum of 1 is required.")


def _targets(y: Any) -> Array | None:
    """Numbers, or the indicators of classes, float64 (n, n_outputs)."""
    if y is None:
        return None
    array = np.asarray(y)
    array = array.reshape(len(array), -1)
    if array.dtype.kind in "iufb":
        return np.asarray(array, dtype=np.float64)
    indicators = [column[:, None] == np.unique(column) for column in array.astype(str).T]
    # one indicator is enough for two classes
    columns = [i[:, 1:] if i.shape[1] == 2 else i for i in indicators]
    return np.asarray(np.column_stack(columns), dtype=np.float64)


def _used_rows(sample_weight: Any, n: int) -> Array:
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


def _with_unique_names(columns: list[Column]) -> list[Column]:
    """The columns; a name that occurs before gets a number."""
    taken: set[str] = set()
    result = []
    for column in columns:
        name, number = column.name, 2
        while name in taken:
            name, number = f"{column.name}_{number}", number + 1
        taken.add(name)
        result.append(column._replace(name=name))
    return result


def _nothing_left(values: list[Values], names: tuple[str, ...]) -> str:
    """The message about a table without information."""
    n = len(values[0].data)
    if all(v.kind == "missing" or v.is_missing().all() for v in values):
        return f"All values of X are missing, in {n} rows and {len(names)} columns."
    if n == 1:
        return "X has 1 sample (n_samples=1), so all of its columns are constant. Pass more rows."
    listed = ", ".join(map(repr, names[:10]))
    return (
        f"All columns of X are constant in its {n} rows ({listed}), so nothing can be learned from "
        "them. Pass rows that differ."
    )
