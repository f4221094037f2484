"""The base class of the conformance tests of encoders, with checks of encoded rows."""

import reprlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mlpkit.plugin import Array, Encoder
from mlpkit.registry.lookup import resolve
from mlpkit.testing import tables
from mlpkit.testing.conformance import ConformanceTests
from mlpkit.testing.tables import Columns, table

METHODS = ("fit", "transform", "get_feature_names_out", "get_state", "set_state")
BINARY = ("one_hot", "boolean", "missing")


class EncoderCase(ConformanceTests):
    """Fits an encoder to tables, and checks the encoded rows."""

    encoder: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Encoder:
        """The encoder."""
        factory, options = resolve("encoder", self.encoder, self.options)
        made = factory(**options)
        missing = [name for name in METHODS if not callable(getattr(made, name, None))]
        assert not missing and hasattr(type(made), "columns"), (
            f"the factory returned {reprlib.repr(made)}; it must return an mlpkit.plugin.Encoder,"
            f" with the property columns and the methods {', '.join(METHODS)}"
        )
        return made

    def columns(self) -> dict[str, list[Any]]:
        """The columns of the tables, some with missing values, which may be overridden."""
        return tables.columns()

    def rejected(self, form: str) -> dict[str, Exception]:
        """The errors for columns that the encoder does not accept, by name."""
        errors: dict[str, Exception] = {}
        for name, values in self.columns().items():
            try:
                self.made().fit(table(form, {name: values}), tables.targets())
            except (TypeError, ValueError) as error:
                errors[name] = error
        return errors

    def accepted(self, form: str) -> dict[str, list[Any]]:
        """The columns that the encoder accepts."""
        rejected = self.rejected(form)
        columns = {n: values for n, values in self.columns().items() if n not in rejected}
        assert columns, f"the encoder accepts no column: {next(iter(rejected.values()))}"
        return columns

    def fitted(self, form: str, columns: Columns) -> Encoder:
        """The encoder, fitted to a table with these columns."""
        return self.made().fit(table(form, columns), tables.targets())

    def check(self, encoder: Encoder, rows: Any, n: int) -> Array:
        """Assert that n encoded rows are valid, and return them."""
        columns = encoder.columns
        assert isinstance(rows, np.ndarray) and rows.dtype in (np.float32, np.float64), (
            "`transform` must return an array of dtype float32 or float64, got"
            f" {type(rows).__name__} of dtype {getattr(rows, 'dtype', None)}"
        )
        assert rows.shape == (n, len(columns)), (
            f"`transform` must return the shape {(n, len(columns))}, got {rows.shape}"
        )
        for column, values in zip(columns, rows.T, strict=True):
            assert np.isfinite(values).all(), f"{column.name!r} has values that are not finite"
            if column.kind in BINARY:
                assert np.isin(values, (0, 1)).all(), (
                    f"{column.name!r} of kind {column.kind!r} must be 0 or 1"
                )
            if column.kind == "category":
                is_code = (values == np.floor(values)) & (values >= 0) & (values < column.n_levels)
                assert is_code.all(), (
                    f"{column.name!r} must have codes from 0 to {column.n_levels - 1}, got"
                    f" {values[~is_code][0]}"
                )
        return rows

    def encoded(self, encoder: Encoder, form: str, columns: Columns) -> Array:
        """The encoded rows of a table with these columns, checked."""
        n = len(next(iter(columns.values())))
        return self.check(encoder, encoder.transform(table(form, columns)), n)
