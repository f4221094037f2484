"""The columns that a model needs, and rows in the form that it takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from mlpkit.data.column_kinds import Kind, encoder_kinds
from mlpkit.messages import comma_separated, escaped
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import TYPES, as_numbers, as_text, kind_of
from mlpkit.sources.reading import Tables


class Inputs(NamedTuple):
    """The columns of the rows that a model was fitted to.

    Parameters
    ----------
    kinds : dict of str
        The kind of each column by name, in order; "other" if it is not known.
    is_encoded : bool
        Whether the model has an encoder. Otherwise all columns are numbers.
    """

    kinds: dict[str, Kind]
    is_encoded: bool

    @property
    def types(self) -> dict[str, pa.DataType]:
        """The types of the columns in files without types."""
        return {name: TYPES.get(kind, pa.string()) for name, kind in self.kinds.items()}

    def rows(self, table: pa.Table) -> pa.Table:
        """Return the columns in the order of `fit`, with the kinds that the model expects.

        Raises InputError, which names the column, if a model without encoder gets a value that is
        missing or not a number.
        """
        columns = {}
        for name, kind in self.kinds.items():
            column = table.column(name)
            if not self.is_encoded:
                column = as_numbers(column, name)
                if column.null_count:
                    raise InputError(
                        f"column {escaped(name)!r} has missing values, and the model was fitted to"
                        " numbers without an encoder"
                    )
            elif kind == "text" and kind_of(column.type) in ("number", "boolean", "text"):
                column = as_text(column)
            columns[name] = column
        return pa.table(columns)


def inputs_of(estimator: Any, tables: Tables, others: Sequence[str]) -> Inputs:
    """Return the columns that a model needs.

    A model that was fitted to an array takes all columns that are not among the ``others``, in
    their order. Raises InputError if the table lacks columns, or has another number of them.
    """
    encoder = getattr(estimator, "encoder_", None)
    names = list(map(str, getattr(estimator, "feature_names_in_", ())))
    if not names:
        names = [name for name in tables.names if name not in others]
        if len(names) != estimator.n_features_in_:
            raise InputError(
                f"{tables.name}: the model has {estimator.n_features_in_} features without names,"
                f" but there are {len(names)} columns: {comma_separated(names[:30])}"
            )
    tables.check_columns(names)
    if encoder is None:
        return Inputs(dict.fromkeys(names, "number"), False)
    return Inputs(encoder_kinds(names, encoder), True)
