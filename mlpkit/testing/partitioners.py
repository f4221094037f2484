"""Laws of partitioners, as a test class to subclass (see `mlpkit.testing`)."""

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


def returned(groups: Any) -> Groups:
    """What `assign` returned, if it is groups."""
    assert isinstance(groups, Groups), (
        f"`assign` returned {reprlib.repr(groups)}; it must return mlpkit.plugin.Groups(codes,"
        " names)"
    )
    return groups


class PartitionerTests(ConformanceTests):
    """Laws of a partitioner, by its name; `sample` and `later` are rows that fit it."""

    partitioner: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Partitioner:
        """The partitioner."""
        factory, options = resolve("partitioner", self.partitioner, self.options)
        return made_as(factory(**options), Partitioner)  # type: ignore[no-any-return]

    def sample(self) -> Dataset:
        """Rows to learn from: whole numbers and reals in X, three classes, some errors."""
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.randint(4, size=N), rng.standard_normal(N)])
        error = (rng.random_sample(N) < 0.1 + 0.4 * (X[:, 0] == 2)).astype(float)
        region = rng.choice(list("nsew"), N)
        return Dataset(X, rng.randint(3, size=N), labels={"region": region}, error=error)

    def later(self) -> Dataset:
        """Other rows, with values that were never seen."""
        rng = np.random.RandomState(1)
        X = np.column_stack([rng.randint(2, 9, size=40), 100 * rng.standard_normal(40)])
        labels = {"region": np.full(40, "up")}
        return Dataset(X, rng.randint(5, size=40), labels=labels, error=np.zeros(40))

    def gaps(self) -> Dataset:
        """Later rows, of which every third has nothing but missing values."""
        sample = self.later()
        if isinstance(sample.X, np.ndarray) and sample.X.dtype.kind == "f":
            sample.X[::3] = np.nan
        return sample

    def part(self, sample: Dataset, index: Array) -> Dataset:
        """Some of the rows."""
        labels = {name: values[index] for name, values in sample.labels.items()}
        y, error = sample.y, sample.error
        return Dataset(
            sample.X[index],
            None if y is None else y[index],
            labels=labels,
            error=None if error is None else error[index],
        )

    def named(self, groups: Groups) -> list[frozenset[str]]:
        """The names of each row's groups."""
        if returned(groups).codes.ndim == 2:
            return [frozenset(np.array(groups.names)[row]) for row in groups.codes]
        return [frozenset([groups.names[c]] if c >= 0 else []) for c in groups.codes]

    def placed(self, groups: Groups, n: int) -> None:
        """Groups are in order, for n rows."""
        codes, names = returned(groups)
        assert all(isinstance(name, str) and name.strip() for name in names), f"names are {names}"
        assert len(set(names)) == len(names), f"names are distinct, not {names}"
        assert len(codes) == n, f"{len(codes)} codes for {n} rows"
        if codes.ndim == 1:
            assert codes.dtype.kind == "i", f"codes are whole numbers, not {codes.dtype}"
            assert codes.min() >= -1 and codes.max() < len(names), (
                f"codes are places in {len(names)} names, or -1; not {codes.min()} to {codes.max()}"
            )
        else:
            assert codes.dtype == bool and codes.shape[1] == len(names), (
                f"members are bool (n, {len(names)}), not {codes.dtype} {codes.shape}"
            )

    def test_groups_have_names_and_every_row_a_place(self) -> None:
        """Codes are places in names, which are distinct, printable and not empty; those of rows
        with missing values too, unless a ValueError refuses them.
        """
        made = self.made()
        cut = made.fit(self.sample())
        for sample in (self.sample(), self.later()):
            self.placed(made.assign(cut, sample), len(sample.X))
        try:
            groups = made.assign(cut, self.gaps())
        except ValueError:
            return
        self.placed(groups, len(self.gaps().X))

    def test_assigning_is_stable(self) -> None:
        """The same rows get the same groups again, after pickling it and the cut too."""
        made = self.made()
        cut = made.fit(self.sample())
        for sample in (self.sample(), self.later()):
            first = self.named(made.assign(cut, sample))
            same, again = pickle.loads(pickle.dumps((made, cut)))
            assert first == self.named(same.assign(again, sample))

    @drawn(20, {"rows": [5]}, rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=40))
    def test_a_row_keeps_its_group_among_other_rows(self, rows: list[int]) -> None:
        """The group of a row does not depend on the rows beside it, however few or often."""
        made = self.made()
        cut, sample = made.fit(self.sample()), self.sample()
        whole = self.named(made.assign(cut, sample))
        some = self.part(sample, np.array(rows))
        assert [whole[i] for i in rows] == self.named(made.assign(cut, some))

    def test_learning_is_repeatable(self) -> None:
        """Two cuts from the same rows assign alike."""
        made = self.made()
        one, two = made.fit(self.sample()), made.fit(self.sample())
        later = self.later()
        assert self.named(made.assign(one, later)) == self.named(made.assign(two, later))

    @drawn(10, {"at": 80}, at=st.integers(1, N - 1))
    def test_cuts_join_where_they_can(self, at: int) -> None:
        """The cut of two parts joined groups all rows as the cut of the whole."""
        made = self.made()
        if made.merge is None:
            pytest.skip("its cuts can't differ")
        sample = self.sample()
        parts = [made.fit(self.part(sample, i)) for i in np.split(np.arange(N), [at])]
        joined = made.assign(made.merge(*parts), sample)
        assert self.named(joined) == self.named(made.assign(made.fit(sample), sample))

    def test_nothing_is_written_to(self) -> None:
        """X and y may be read-only."""
        made, sample = self.made(), self.sample()
        for array in (sample.X, sample.y, sample.error):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        made.assign(made.fit(sample), sample)
