"""Conformance tests of encoders."""

import json
import math
import pickle
import reprlib
from io import BytesIO
from typing import Any, get_args

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import _is_fitted

from mlpkit import numpy_namespace
from mlpkit.plugin import Column, ColumnKind, PortableEncoding
from mlpkit.testing import tables
from mlpkit.testing.encoder_case import EncoderCase
from mlpkit.testing.tables import FORMS, FRAMES, N, table, taken

EACH_FORM = pytest.mark.parametrize("form", FORMS)
EACH_FRAME = pytest.mark.parametrize("form", FRAMES)


class EncoderTests(EncoderCase):
    """Tests of an encoder on arrays of objects and on tables of each installed dataframe library.

    A subclass sets ``encoder``, the name, and optionally ``options``. An encoder may reject a kind
    of column with a ValueError or TypeError that contains its name, and is then tested without it.
    """

    @EACH_FORM
    def test_rejected_columns_are_named(self, form: str) -> None:
        """The message about a column that the encoder does not accept contains its name."""
        index = {"array": "0"}.get(form)
        for name, error in self.rejected(form).items():
            named = str(error)
            assert (index or name) in named, (
                f"the error for column {name!r} does not name it: {named}"
            )

    @EACH_FORM
    def test_columns_are_described(self, form: str) -> None:
        """`columns` has distinct names, those of `get_feature_names_out`, and valid kinds."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        described = encoder.columns
        assert isinstance(described, tuple) and all(isinstance(c, Column) for c in described), (
            f"columns must be a tuple of mlpkit.plugin.Column, got {reprlib.repr(described)}"
        )
        names = [column.name for column in described]
        assert all(isinstance(name, str) and name for name in names)
        assert len(set(names)) == len(names), f"names must be distinct, got {names}"
        names_out = encoder.get_feature_names_out()
        assert isinstance(names_out, np.ndarray) and names_out.dtype == object
        assert names_out.tolist() == names, (
            f"get_feature_names_out returned {names_out.tolist()}, but columns are {names}"
        )
        for column in described:
            assert column.kind in get_args(ColumnKind), f"unknown kind {column.kind!r}"
            is_category = column.kind == "category"
            assert (column.n_levels > 0) == is_category, f"{column} has the wrong n_levels"
            assert form == "array" or column.source in columns, (
                f"{column.name!r} comes from {column.source!r}, which is not a column of the table"
            )

    @EACH_FORM
    def test_encoded_rows_are_valid(self, form: str) -> None:
        """They are finite numbers of the right shape, and each column fits its description."""
        columns = self.accepted(form)
        self.encoded(self.fitted(form, columns), form, columns)

    @EACH_FORM
    def test_unseen_levels(self, form: str) -> None:
        """Text that did not occur in `fit` is encoded."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        unseen = {**columns}
        for name, values in columns.items():
            if any(isinstance(v, str) for v in values):
                unseen[name] = [f"new {i}" for i in range(N)]
        self.encoded(encoder, form, unseen)

    @EACH_FORM
    def test_missing_values(self, form: str) -> None:
        """Any value of a row may be missing, also where none was missing in `fit`."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        for name in columns:
            gap = {**columns, name: [None, *columns[name][1:]]}
            whole = {**columns, name: [None] * N}
            for changed in (gap, whole):
                self.encoded(encoder, form, changed)
        if form == "pandas":
            X = table(form, {n: [None, *v[1:]] for n, v in columns.items()}).convert_dtypes()
            self.check(encoder, encoder.transform(X), N)

    @EACH_FORM
    def test_missing_and_constant_columns(self, form: str) -> None:
        """`fit` accepts columns without any value, or with one value only."""
        columns = self.accepted(form)
        constant = {n: [v[0]] * N for n, v in columns.items()}
        gone: dict[str, list[Any]] = {n: [None] * N for n in columns}
        for name in columns:
            for changed in (constant, gone):
                fitted_to = {**columns, name: changed[name]}
                encoder = self.fitted(form, fitted_to)
                for later in (fitted_to, columns):
                    self.encoded(encoder, form, later)

    @EACH_FORM
    def test_infinite_values(self, form: str) -> None:
        """Infinite and very large numbers are encoded as finite ones, or rejected by ValueError."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        for name, values in columns.items():
            if any(isinstance(v, float) for v in values):
                for value in (math.inf, -math.inf, 1e300):
                    X = table(form, {**columns, name: [value, *values[1:]]})
                    try:
                        rows = encoder.transform(X)
                    except ValueError:
                        continue
                    self.check(encoder, rows, N)

    @EACH_FORM
    def test_an_empty_table(self, form: str) -> None:
        """A table without rows is encoded as an array without rows."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        self.check(encoder, encoder.transform(tables.empty(table(form, columns))), 0)

    @EACH_FRAME
    def test_order_of_columns(self, form: str) -> None:
        """Columns are found by their names."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        reordered = {name: columns[name] for name in reversed(columns)}
        np.testing.assert_array_equal(
            self.encoded(encoder, form, reordered), self.encoded(encoder, form, columns)
        )

    @EACH_FORM
    def test_types_of_columns(self, form: str) -> None:
        """The same values in columns of another type give the same rows."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        expected = self.encoded(encoder, form, columns)
        for X in tables.with_other_types(form, columns):
            np.testing.assert_allclose(
                self.check(encoder, encoder.transform(X), N), expected, rtol=1e-6, atol=1e-9
            )

    @EACH_FORM
    def test_chunks_equal_the_whole(self, form: str) -> None:
        """The chunks of a table, encoded one by one, are the encoded table."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        parts = [range(0, 13), range(13, 14), range(14, N)]
        chunks = [self.encoded(encoder, form, taken(columns, part)) for part in parts]
        whole = self.encoded(encoder, form, columns)
        np.testing.assert_allclose(np.concatenate(chunks), whole, rtol=1e-6, atol=1e-9)

    @EACH_FORM
    def test_rows_do_not_depend_on_others(self, form: str) -> None:
        """A row is encoded in the same way alone and among others in any order."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        whole = self.encoded(encoder, form, columns)
        order = np.random.RandomState(2).permutation(N).tolist()
        some = [[0], [3], [N - 1], order, [5] * 9]
        for chosen in some:
            rows = self.encoded(encoder, form, taken(columns, chosen))
            np.testing.assert_allclose(rows, whole[chosen], rtol=1e-6, atol=1e-9)

    @EACH_FORM
    def test_state_is_restored(self, form: str) -> None:
        """A new encoder with the state, stored as .npz and JSON, gives exactly the same rows."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        arrays, settings = encoder.get_state()
        file = BytesIO()
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.seek(0)
        with np.load(file, allow_pickle=False) as loaded:
            arrays = dict(loaded)
        new = self.made()
        restored = new.set_state(arrays, json.loads(json.dumps(settings, allow_nan=False)))
        assert restored is new, "`set_state` must return the encoder itself"
        assert restored.columns == encoder.columns
        assert restored.get_feature_names_out().tolist() == (
            encoder.get_feature_names_out().tolist()
        )
        for later in (columns, {n: [None, *v[1:]] for n, v in columns.items()}):
            np.testing.assert_array_equal(
                self.encoded(restored, form, later), self.encoded(encoder, form, later)
            )

    @EACH_FORM
    def test_the_description_encodes_alike(self, form: str) -> None:
        """If the encoder has `portable`, it encodes the columns as `transform` does."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        if not hasattr(encoder, "portable"):
            return
        encoding = encoder.portable()
        assert isinstance(encoding, PortableEncoding), (
            f"`portable` must return a PortableEncoding, got {reprlib.repr(encoding)}"
        )
        unseen = {n: ["new" if isinstance(x, str) else x for x in v] for n, v in columns.items()}
        missing = {n: [None, *v[1:]] for n, v in columns.items()}
        none: dict[str, list[Any]] = {n: [] for n in columns}
        for later in (columns, unseen, missing, taken(columns, [3]), none):
            values = list(later.values())
            arrays = [tables.described_values(c, values[c.position]) for c in encoding.columns]
            rows = encoding.encode(numpy_namespace, arrays)
            expected = self.encoded(encoder, form, later)
            np.testing.assert_allclose(rows, expected, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_columns_are_learned_one_by_one(self, weighted: bool) -> None:
        """If the encoder has `fit_columns`, it learns what `fit` learns, and with the columns that
        it returns, the rows are those of `fit_transform`.
        """
        if not hasattr(self.made(), "fit_columns") or "pyarrow" not in FRAMES:
            return
        columns = self.accepted("pyarrow")
        X, y = table("pyarrow", columns), tables.targets()
        w = {"sample_weight": np.arange(N) % 3.0} if weighted else {}
        whole, by_column = self.made(), self.made()
        fit_transform = getattr(whole, "fit_transform", None)
        expected = fit_transform(X, y, **w) if fit_transform else whole.fit(X, y, **w).transform(X)
        own = by_column.fit_columns(tables.StoredColumns(X), y, **w)  # type: ignore[attr-defined]
        assert by_column.columns == whole.columns
        rows = self.encoded(by_column, "pyarrow", columns)
        np.testing.assert_array_equal(rows, self.encoded(whole, "pyarrow", columns))
        for index, column in own.items():
            rows[:, index] = column
        np.testing.assert_array_equal(rows, expected)

    @EACH_FORM
    def test_input_is_not_modified(self, form: str) -> None:
        """`fit` and `transform` do not modify the table, the targets and the weights."""
        columns = self.accepted(form)
        X, y, w = table(form, columns), tables.targets(), np.ones(N)
        for array in (X, y, w):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        before = tables.values_of(X)
        self.made().fit(X, y, w).transform(X)
        assert tables.values_of(X) == before

    @EACH_FORM
    def test_fit_is_deterministic(self, form: str) -> None:
        """Two fits to the same table are equal, also after a fit to another table."""
        columns = self.accepted(form)
        encoder = self.fitted(form, columns)
        again = self.fitted(form, taken(columns, [*range(5, N), *range(5)]))
        again.fit(table(form, columns), tables.targets())
        assert again.columns == encoder.columns
        np.testing.assert_array_equal(
            self.encoded(again, form, columns), self.encoded(encoder, form, columns)
        )

    @EACH_FORM
    def test_targets_and_weights_are_optional(self, form: str) -> None:
        """`fit` accepts a table alone, with one or several targets, and with weights."""
        columns = self.accepted(form)
        X, y = table(form, columns), tables.targets()
        for arguments in ((X,), (X, y[:, :1]), (X, y, np.linspace(0, 2, N))):
            encoder = self.made()
            assert encoder.fit(*arguments) is encoder, "`fit` must return the encoder itself"
            self.encoded(encoder, form, columns)

    def test_copies_are_equal(self) -> None:
        """Clones learn the same, and pickled encoders give the same rows."""
        columns = self.accepted("array")
        encoder = self.fitted("array", columns)
        expected = self.encoded(encoder, "array", columns)
        copied = clone(encoder, safe=False).fit(table("array", columns), tables.targets())
        for other in (copied, pickle.loads(pickle.dumps(encoder))):
            assert other.columns == encoder.columns
            np.testing.assert_array_equal(self.encoded(other, "array", columns), expected)

    def test_a_fitted_encoder_is_recognized(self) -> None:
        """Attributes that `fit` sets end in an underscore, or `__sklearn_is_fitted__` exists."""
        encoder = self.made()
        assert not _is_fitted(encoder), "an encoder that is not fitted looks fitted"
        encoder.fit(table("array", self.accepted("array")), tables.targets())
        assert _is_fitted(encoder), (
            "a fitted encoder cannot be recognized: the names of attributes that `fit` sets must"
            " end in an underscore, or `__sklearn_is_fitted__` must return whether it is fitted"
        )
