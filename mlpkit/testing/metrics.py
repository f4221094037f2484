"""Laws of metrics and partitioners, as test classes to subclass::

from mlpkit.testing import MetricLaws, PartitionerLaws

class TestCost(MetricLaws):
metric = "cost"

class TestRegions(PartitionerLaws):
partitioner = "regions"
options = {"column": 0}
"""

import pickle
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.scored import take
from mlpkit.plugin import Array, Groups, Metric, Partitioner, Sample, Scored, Task
from mlpkit.registry import resolve
from mlpkit.testing.laws import Laws

N = 300


def scored_rows(task: Task, seed: int = 0) -> Scored:
    """Random rows of a task, with predictions that are right more often than not."""
    rng = np.random.RandomState(seed)
    if task == "regression":
        y = rng.gamma(2.0, size=(N, 1)) + 1.0
        return Scored(task, None, y, y * rng.uniform(0.5, 1.5, (N, 1)))
    if task == "multilabel":
        p = rng.random_sample((N, 3))
        return Scored(task, np.arange(3), rng.random_sample((N, 3)) < p, p > 0.5, p)
    k = 2 if task == "binary" else 3
    codes = rng.randint(k, size=N)
    p = rng.dirichlet(np.ones(k), N) + 0.5 * np.eye(k)[codes]
    p /= p.sum(axis=1, keepdims=True)
    return Scored(task, np.arange(k), codes, p.argmax(axis=1), p)


class MetricLaws(Laws):
    """Laws of a metric, by its name, on random rows of every task that it is for."""

    metric: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Metric:
        """The metric."""
        factory, options = resolve("metric", self.metric, self.options)
        return factory(**options)  # type: ignore[no-any-return]

    def cases(self) -> Iterable[tuple[Metric, Scored, dict[str, Groups], Array]]:
        """Rows of each task, with groups that part them, groups that overlap, and weights."""
        metric, rng = self.made(), np.random.RandomState(1)
        for task in metric.tasks:
            groups = {
                "all": Groups(np.zeros(N, dtype=int), ("all",)),
                "parts": Groups(rng.choice(3, N, p=[0.6, 0.3, 0.1]), ("a", "b", "c")),
                "overlapping": Groups(rng.random_sample((N, 2)) < 0.5, ("d", "e")),
            }
            yield metric, scored_rows(task), groups, rng.gamma(2.0, size=N)

    def seen(self, metric: Metric, rows: Scored, groups: dict[str, Groups], w: Any) -> Accumulator:
        """The accumulated rows."""
        found = Accumulator([metric])
        found.update(rows, groups, w)
        return found

    def close(self, one: Accumulator, two: Accumulator) -> None:
        """Both have the same values in the same groups."""
        assert one.labels == two.labels
        np.testing.assert_allclose(two.values()[0], one.values()[0], rtol=1e-9, atol=1e-12)

    def test_it_is_a_metric_that_can_be_pickled(self) -> None:
        """Reports hold it, and go from process to process."""
        metric = self.made()
        assert isinstance(metric, Metric) and metric.tasks and metric.name
        assert (metric.exact is None) == (metric.terms is not None or metric.spread is not None)
        assert metric.exact is not None or (metric.ratio is None) != (metric.value is None)
        assert pickle.loads(pickle.dumps(metric)).name == metric.name

    def test_the_merge_of_any_split_equals_the_whole(self) -> None:
        """Parts of any sizes, in one accumulator or several, give the values of all rows."""
        for metric, rows, groups, w in self.cases():
            whole = self.seen(metric, rows, groups, w)
            for cuts in ([1], [150, 151], [7, 100, 290]):
                parts = np.split(np.arange(N), cuts)
                one, several = Accumulator([metric]), Accumulator([metric])
                for index in parts:
                    own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
                    one.update(take(rows, index), own, w[index])
                    several = several + self.seen(metric, take(rows, index), own, w[index])
                self.close(whole, one)
                self.close(whole, several)

    def test_groups_that_cover_sum_to_the_whole(self) -> None:
        """Sums over groups that part the rows add up to those over all rows."""
        for metric, rows, groups, w in self.cases():
            sums = self.seen(metric, rows, groups, w).sums
            assert sums is not None
            for name in ("rows", "weight", "square", "terms"):
                array = getattr(sums, name)
                np.testing.assert_allclose(array[1:4].sum(axis=0), array[0], rtol=1e-9, atol=1e-12)

    def test_the_order_of_rows_is_irrelevant(self) -> None:
        """Shuffled rows give the same values."""
        for metric, rows, groups, w in self.cases():
            order = np.random.RandomState(2).permutation(N)
            own = {k: Groups(g.codes[order], g.names) for k, g in groups.items()}
            self.close(
                self.seen(metric, rows, groups, w),
                self.seen(metric, take(rows, order), own, w[order]),
            )

    def test_a_group_is_its_rows_alone(self) -> None:
        """The value of a group is that of its rows, evaluated without the others."""
        for metric, rows, groups, w in self.cases():
            found = self.seen(metric, rows, groups, w)
            for i, (name, group) in enumerate(found.labels):
                g = groups[name]
                at = g.names.index(group)
                index = np.flatnonzero(g.codes == at if g.codes.ndim == 1 else g.codes[:, at])
                only = {"all": Groups(np.zeros(len(index), dtype=int), ("all",))}
                alone = self.seen(metric, take(rows, index), only, w[index]).values()[0]
                np.testing.assert_allclose(found.values()[0][i], alone[0], rtol=1e-9, atol=1e-12)

    def test_whole_weights_are_repeated_rows(self) -> None:
        """A weight of 3 is three rows, and a weight of 0 is none."""
        for metric, rows, groups, _ in self.cases():
            w = np.random.RandomState(3).randint(0, 4, N)
            index = np.repeat(np.arange(N), w)
            own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
            self.close(
                self.seen(metric, take(rows, index), own, None),
                self.seen(metric, rows, groups, w.astype(float)),
            )

    def test_an_empty_group_is_undefined(self) -> None:
        """A group without rows is NaN, without a warning."""
        for metric, rows, _, w in self.cases():
            groups = {"parts": Groups(np.zeros(N, dtype=int), ("full", "empty"))}
            full, empty = self.seen(metric, rows, groups, w).values()[0]
            assert np.isfinite(full) and np.isnan(empty)


class PartitionerLaws(Laws):
    """Laws of a partitioner, by its name; `sample` and `later` are rows that fit it."""

    partitioner: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Partitioner:
        """The partitioner."""
        factory, options = resolve("partitioner", self.partitioner, self.options)
        return factory(**options)  # type: ignore[no-any-return]

    def sample(self) -> Sample:
        """Rows to learn from: whole numbers and reals in X, three classes, some errors."""
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.randint(4, size=N), rng.standard_normal(N)])
        error = (rng.random_sample(N) < 0.1 + 0.4 * (X[:, 0] == 2)).astype(float)
        return Sample(X, rng.randint(3, size=N), error, {"region": rng.choice(list("nsew"), N)})

    def later(self) -> Sample:
        """Other rows, with values that were never seen."""
        rng = np.random.RandomState(1)
        X = np.column_stack([rng.randint(2, 9, size=40), 100 * rng.standard_normal(40)])
        return Sample(X, rng.randint(5, size=40), np.zeros(40), {"region": np.full(40, "up")})

    def part(self, sample: Sample, index: Array) -> Sample:
        """Some of the rows."""
        labels = {name: values[index] for name, values in sample.labels.items()}
        y, error = sample.y, sample.error
        return Sample(
            sample.X[index],
            None if y is None else y[index],
            None if error is None else error[index],
            labels,
        )

    def named(self, groups: Groups) -> list[frozenset[str]]:
        """The names of each row's groups."""
        if groups.codes.ndim == 2:
            return [frozenset(np.array(groups.names)[row]) for row in groups.codes]
        return [frozenset([groups.names[c]] if c >= 0 else []) for c in groups.codes]

    def test_groups_have_names_and_every_row_a_place(self) -> None:
        """Codes are places in names, which are distinct, printable and not empty."""
        made = self.made()
        cut = made.learn(self.sample())
        for sample in (self.sample(), self.later()):
            codes, names = made.assign(cut, sample)
            assert len(codes) == len(sample.X)
            assert len(set(names)) == len(names)
            assert all(isinstance(name, str) and name.strip() for name in names)
            if codes.ndim == 1:
                assert codes.dtype.kind == "i" and codes.min() >= -1 and codes.max() < len(names)
            else:
                assert codes.dtype == bool and codes.shape[1] == len(names)

    def test_assigning_is_stable(self) -> None:
        """The same rows get the same groups again, after pickling the cut too."""
        made = self.made()
        cut = made.learn(self.sample())
        for sample in (self.sample(), self.later()):
            first = self.named(made.assign(cut, sample))
            assert first == self.named(made.assign(pickle.loads(pickle.dumps(cut)), sample))

    def test_a_row_keeps_its_group_among_other_rows(self) -> None:
        """The group of a row does not depend on the rows beside it."""
        made = self.made()
        cut, sample = made.learn(self.sample()), self.sample()
        whole = self.named(made.assign(cut, sample))
        for index in (np.arange(10), np.arange(N)[::-7], np.array([5])):
            assert [whole[i] for i in index] == self.named(
                made.assign(cut, self.part(sample, index))
            )

    def test_learning_is_repeatable(self) -> None:
        """Two cuts from the same rows assign alike."""
        made = self.made()
        one, two = made.learn(self.sample()), made.learn(self.sample())
        later = self.later()
        assert self.named(made.assign(one, later)) == self.named(made.assign(two, later))

    def test_cuts_join_where_they_can(self) -> None:
        """The cut of two parts joined groups all rows as the cut of the whole."""
        made = self.made()
        if made.join is None:
            pytest.skip("its cuts can't differ")
        sample = self.sample()
        parts = [made.learn(self.part(sample, i)) for i in np.split(np.arange(N), [80])]
        joined = made.assign(made.join(*parts), sample)
        assert self.named(joined) == self.named(made.assign(made.learn(sample), sample))

    def test_nothing_is_written_to(self) -> None:
        """X and y may be read-only."""
        made, sample = self.made(), self.sample()
        for array in (sample.X, sample.y, sample.error):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        made.assign(made.learn(sample), sample)
