"""Conformance tests of partitioners."""

import pickle
import reprlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import drawn
from mlpkit.testing.conformance import ConformanceTests, made_as

N = 300


def checked_type(groups: Any) -> Groups:
    """The result of `assign`; AssertionError unless it is `Groups`."""
    assert isinstance(groups, Groups), (
        f"`assign` returned {reprlib.repr(groups)}; it must return mlpkit.plugin.Groups(codes,"
        " names)"
    )
    return groups


class PartitionerTests(ConformanceTests):
    """Tests of a partitioner on the rows of `dataset` and `later`, which may be overridden.

    A subclass sets ``partitioner``, the name, and optionally ``options``.
    """

    partitioner: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Partitioner:
        """The partitioner."""
        factory, options = resolve("partitioner", self.partitioner, self.options)
        return made_as(factory(**options), Partitioner)

    def dataset(self) -> Dataset:
        """Rows to fit to: integers and real numbers in X, three classes, some errors."""
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.randint(4, size=N), rng.standard_normal(N)])
        error = (rng.random_sample(N) < 0.1 + 0.4 * (X[:, 0] == 2)).astype(float)
        region = rng.choice(list("nsew"), N)
        return Dataset(X, rng.randint(3, size=N), labels={"region": region}, error=error)

    def later(self) -> Dataset:
        """Other rows, with values that do not occur in `dataset`."""
        rng = np.random.RandomState(1)
        X = np.column_stack([rng.randint(2, 9, size=40), 100 * rng.standard_normal(40)])
        labels = {"region": np.full(40, "up")}
        return Dataset(X, rng.randint(5, size=40), labels=labels, error=np.zeros(40))

    def gaps(self) -> Dataset:
        """The later rows, where all values of every third row are missing."""
        dataset = self.later()
        if isinstance(dataset.X, np.ndarray) and dataset.X.dtype.kind == "f":
            dataset.X[::3] = np.nan
        return dataset

    def part(self, dataset: Dataset, index: Array) -> Dataset:
        """The rows with these indices."""
        labels = {name: values[index] for name, values in dataset.labels.items()}
        y, error = dataset.y, dataset.error
        return Dataset(
            dataset.X[index],
            None if y is None else y[index],
            labels=labels,
            error=None if error is None else error[index],
        )

    def group_names(self, groups: Groups) -> list[frozenset[str]]:
        """The names of the groups of each row."""
        if checked_type(groups).codes.ndim == 2:
            return [frozenset(np.array(groups.names)[row]) for row in groups.codes]
        return [frozenset([groups.names[c]] if c >= 0 else []) for c in groups.codes]

    def check_groups(self, groups: Groups, n: int) -> None:
        """Assert that the groups of n rows are valid."""
        codes, names = checked_type(groups)
        assert all(isinstance(name, str) and name.strip() for name in names), (
            f"names must be strings that are not empty, got {names}"
        )
        assert len(set(names)) == len(names), f"names must be distinct, got {names}"
        assert len(codes) == n, f"expected {n} codes, got {len(codes)}"
        if codes.ndim == 1:
            assert codes.dtype.kind == "i", f"codes must be integers, got {codes.dtype}"
            assert codes.min() >= -1 and codes.max() < len(names), (
                f"codes must be from -1 to {len(names) - 1}, got {codes.min()} to {codes.max()}"
            )
        else:
            assert codes.dtype == bool and codes.shape[1] == len(names), (
                f"codes must be bool (n, {len(names)}), got {codes.dtype} {codes.shape}"
            )

    def test_codes_and_names_are_valid(self) -> None:
        """Codes are indices into names, which are distinct and not empty.

        Rows with missing values may be rejected by a ValueError.
        """
        made = self.made()
        fitted = made.fit(self.dataset())
        for dataset in (self.dataset(), self.later()):
            self.check_groups(made.assign(fitted, dataset), len(dataset.X))
        try:
            groups = made.assign(fitted, self.gaps())
        except ValueError:
            return
        self.check_groups(groups, len(self.gaps().X))

    def test_assign_is_deterministic(self) -> None:
        """The same rows get the same groups again, also after pickling."""
        made = self.made()
        fitted = made.fit(self.dataset())
        for dataset in (self.dataset(), self.later()):
            first = self.group_names(made.assign(fitted, dataset))
            same, again = pickle.loads(pickle.dumps((made, fitted)))
            assert first == self.group_names(same.assign(again, dataset))

    @drawn(20, {"rows": [5]}, rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=40))
    def test_groups_do_not_depend_on_other_rows(self, rows: list[int]) -> None:
        """The groups of a row depend only on the row and on the fitted groups."""
        made = self.made()
        fitted, dataset = made.fit(self.dataset()), self.dataset()
        whole = self.group_names(made.assign(fitted, dataset))
        some = self.part(dataset, np.array(rows))
        assert [whole[i] for i in rows] == self.group_names(made.assign(fitted, some))

    def test_fit_is_deterministic(self) -> None:
        """Groups that are fitted twice to the same rows assign rows in the same way."""
        made = self.made()
        one, two = made.fit(self.dataset()), made.fit(self.dataset())
        later = self.later()
        assert self.group_names(made.assign(one, later)) == self.group_names(
            made.assign(two, later)
        )

    @drawn(10, {"at": 80}, at=st.integers(1, N - 1))
    def test_fitted_groups_merge(self, at: int) -> None:
        """Merged groups of two chunks assign rows as groups fitted to all rows do."""
        made = self.made()
        if made.merge is None:
            pytest.skip("the partitioner has no merge")
        dataset = self.dataset()
        parts = [made.fit(self.part(dataset, i)) for i in np.split(np.arange(N), [at])]
        merged = made.assign(made.merge(*parts), dataset)
        assert self.group_names(merged) == self.group_names(made.assign(made.fit(dataset), dataset))

    def test_input_is_not_modified(self) -> None:
        """Read-only X and y are accepted."""
        made, dataset = self.made(), self.dataset()
        for array in (dataset.X, dataset.y, dataset.error):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        made.assign(made.fit(dataset), dataset)
