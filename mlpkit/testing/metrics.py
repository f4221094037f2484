"""Conformance tests of metrics."""

import pickle
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, get_args

import numpy as np
from hypothesis import strategies as st

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.predictions import take
from mlpkit.plugin import Array, Groups, Metric, PredictionKind, Predictions, Task
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import drawn
from mlpkit.testing.conformance import ConformanceTests, made_as

N = 300
INTERVALS = ("wilson", "normal", "bootstrap", "jackknife")
Case = tuple[Metric, Predictions, dict[str, Groups], Array]


class RandomSplit(NamedTuple):
    """Number and seed of random rows, and where they are split into chunks."""

    n: int = N
    seed: int = 0
    zeros: float = 0.0  # the fraction of weights that are 0
    cuts: tuple[int, ...] = (7, 100, 290)

    @property
    def chunks(self) -> list[Array]:
        """The indices of the rows of each chunk; chunks may be empty."""
        return np.split(np.arange(self.n), np.minimum(sorted(self.cuts), self.n))


any_rows = drawn(
    20,
    {"rows": RandomSplit()},
    rows=st.builds(
        RandomSplit,
        n=st.integers(1, 40),
        seed=st.integers(0, 1000),
        zeros=st.sampled_from([0.0, 0.3]),
        cuts=st.lists(st.integers(0, 40), max_size=4).map(tuple),
    ),
)


def random_predictions(task: Task, seed: int = 0, n: int = N) -> Predictions:
    """Random targets of a task, and predictions that are mostly correct."""
    rng = np.random.RandomState(seed)
    if task == "regression":
        y = rng.gamma(2.0, size=(n, 1)) + 1.0
        p = y * rng.uniform(0.5, 1.5, (n, 1))
        return Predictions(task, None, y, p, y_interval=p + rng.uniform(0, 1, (n, 1)) * [[-1, 1]])
    if task == "multilabel":
        p = rng.random_sample((n, 3))
        return Predictions(task, np.arange(3), rng.random_sample((n, 3)) < p, p > 0.5, p)
    k = 2 if task == "binary" else 3
    codes = rng.randint(k, size=n)
    p = rng.dirichlet(np.ones(k), n) + 0.5 * np.eye(k)[codes]
    p /= p.sum(axis=1, keepdims=True)
    return Predictions(task, np.arange(k), codes, p.argmax(axis=1), p)


class MetricTests(ConformanceTests):
    """Tests of a metric on random rows of every task that it supports.

    A subclass sets ``metric``, the name, and optionally ``options``.
    """

    metric: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Metric:
        """The metric."""
        factory, options = resolve("metric", self.metric, self.options)
        return made_as(factory(**options), Metric)

    def cases(self, rows: RandomSplit) -> Iterable[Case]:
        """Predictions of each task, with disjoint and overlapping groups and with weights."""
        metric, rng, n = self.made(), np.random.RandomState(rows.seed + 1), rows.n
        for task in metric.tasks:
            groups = {
                "all": Groups(np.zeros(n, dtype=int), ("all",)),
                "parts": Groups(rng.choice(3, n, p=[0.6, 0.3, 0.1]), ("a", "b", "c")),
                "overlapping": Groups(rng.random_sample((n, 2)) < 0.5, ("d", "e")),
            }
            w = rng.gamma(2.0, size=n) * (rng.random_sample(n) >= rows.zeros)
            yield metric, random_predictions(task, rows.seed, n), groups, w

    def accumulated(
        self, metric: Metric, rows: Predictions, groups: dict[str, Groups], w: Any
    ) -> Accumulator:
        """An accumulator of these rows."""
        accumulator = Accumulator([metric])
        accumulator.update(rows, groups, w)
        return accumulator

    def close(self, one: Accumulator, two: Accumulator) -> None:
        """Assert that both have the same values in the same groups."""
        assert one.labels == two.labels
        np.testing.assert_allclose(two.values()[0], one.values()[0], rtol=1e-9, atol=1e-12)

    def test_fields_are_valid_and_picklable(self) -> None:
        """The factory returns a metric with valid fields that can be pickled."""
        metric = made_as(self.made(), Metric)
        adds_up = metric.row_statistics is not None or metric.deviations is not None
        assert metric.name and isinstance(metric.name, str), f"its name is {metric.name!r}"
        assert isinstance(metric.tasks, tuple) and {*metric.tasks} <= {*get_args(Task)}, (
            f"tasks must be a tuple of {get_args(Task)}, such as ('binary',), not {metric.tasks!r}"
        )
        assert metric.tasks, "tasks must contain at least one task"
        assert metric.needs in get_args(PredictionKind), (
            f"needs must be one of {get_args(PredictionKind)}, not {metric.needs!r}"
        )
        assert not isinstance(metric.interval, str) or metric.interval in INTERVALS, (
            f"interval must be one of {INTERVALS}, a function or None, not {metric.interval!r}"
        )
        assert (metric.exact is None) == adds_up, (
            "set either `exact`, or `row_statistics` and `deviations`"
        )
        assert metric.exact is not None or (metric.ratio is None) != (metric.value is None), (
            "a metric computed from sums needs either `ratio` or `value`"
        )
        assert pickle.loads(pickle.dumps(metric)).name == metric.name

    @any_rows
    def test_merged_chunks_equal_all_rows(self, rows: RandomSplit) -> None:
        """Chunks of any sizes, added to one accumulator or merged, give the values of all rows."""
        for metric, predictions, groups, w in self.cases(rows):
            one, several = Accumulator([metric]), Accumulator([metric])
            for index in rows.chunks:
                own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
                one.update(take(predictions, index), own, w[index])
                several = several + self.accumulated(
                    metric, take(predictions, index), own, w[index]
                )
            whole = self.accumulated(metric, predictions, groups, w)
            self.close(whole, one)
            self.close(whole, several)

    @any_rows
    def test_sums_are_finite_and_additive(self, rows: RandomSplit) -> None:
        """Sums are finite, and sums over disjoint groups add up to those over all rows."""
        for metric, predictions, groups, w in self.cases(rows):
            sums = self.accumulated(metric, predictions, groups, w).sums
            assert sums is not None
            for name in ("rows", "weight", "square", "row_statistics"):
                array = getattr(sums, name)
                assert np.isfinite(array).all(), f"{name} of {predictions.task} are not finite"
                np.testing.assert_allclose(array[1:4].sum(axis=0), array[0], rtol=1e-9, atol=1e-12)

    @any_rows
    def test_row_order_does_not_matter(self, rows: RandomSplit) -> None:
        """Shuffled rows have the same values."""
        for metric, predictions, groups, w in self.cases(rows):
            order = np.random.RandomState(2).permutation(rows.n)
            own = {k: Groups(g.codes[order], g.names) for k, g in groups.items()}
            self.close(
                self.accumulated(metric, predictions, groups, w),
                self.accumulated(metric, take(predictions, order), own, w[order]),
            )

    @any_rows
    def test_groups_are_independent(self, rows: RandomSplit) -> None:
        """The value of a group depends only on its own rows."""
        for metric, predictions, groups, w in self.cases(rows):
            grouped = self.accumulated(metric, predictions, groups, w)
            for i, (name, group) in enumerate(grouped.labels):
                g = groups[name]
                at = g.names.index(group)
                index = np.flatnonzero(g.codes == at if g.codes.ndim == 1 else g.codes[:, at])
                only = {"all": Groups(np.zeros(len(index), dtype=int), ("all",))}
                alone = self.accumulated(metric, take(predictions, index), only, w[index]).values()[
                    0
                ]
                np.testing.assert_allclose(grouped.values()[0][i], alone[0], rtol=1e-9, atol=1e-12)

    @any_rows
    def test_integer_weights_equal_repeated_rows(self, rows: RandomSplit) -> None:
        """A weight of 3 counts as three rows, and a weight of 0 as none."""
        for metric, predictions, groups, _ in self.cases(rows):
            w = np.random.RandomState(3).randint(0, 4, rows.n)
            index = np.repeat(np.arange(rows.n), w)
            own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
            metric = replace(metric, min_rows=1)  # min_rows counts rows without weights
            self.close(
                self.accumulated(metric, take(predictions, index), own, None),
                self.accumulated(metric, predictions, groups, w.astype(float)),
            )

    def test_empty_groups_are_undefined(self) -> None:
        """The value of a group without rows is NaN, without a warning."""
        for metric, predictions, _, w in self.cases(RandomSplit()):
            groups = {"parts": Groups(np.zeros(N, dtype=int), ("full", "empty"))}
            full, empty = self.accumulated(metric, predictions, groups, w).values()[0]
            assert np.isfinite(full) and np.isnan(empty)
