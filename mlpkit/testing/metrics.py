"""Laws of metrics, as a test class to subclass (see `mlpkit.testing`)."""

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


class Rows(NamedTuple):
    """How many rows, of what, and where they are cut into parts."""

    n: int = N
    seed: int = 0
    zeros: float = 0.0  # the share of weights that are 0
    cuts: tuple[int, ...] = (7, 100, 290)

    @property
    def parts(self) -> list[Array]:
        """The indices of each part, some of them empty."""
        return np.split(np.arange(self.n), np.minimum(sorted(self.cuts), self.n))


any_rows = drawn(
    20,
    {"rows": Rows()},
    rows=st.builds(
        Rows,
        n=st.integers(1, 40),
        seed=st.integers(0, 1000),
        zeros=st.sampled_from([0.0, 0.3]),
        cuts=st.lists(st.integers(0, 40), max_size=4).map(tuple),
    ),
)


def scored_rows(task: Task, seed: int = 0, n: int = N) -> Predictions:
    """Random rows of a task, with predictions that are right more often than not."""
    rng = np.random.RandomState(seed)
    if task == "regression":
        y = rng.gamma(2.0, size=(n, 1)) + 1.0
        return Predictions(task, None, y, y * rng.uniform(0.5, 1.5, (n, 1)))
    if task == "multilabel":
        p = rng.random_sample((n, 3))
        return Predictions(task, np.arange(3), rng.random_sample((n, 3)) < p, p > 0.5, p)
    k = 2 if task == "binary" else 3
    codes = rng.randint(k, size=n)
    p = rng.dirichlet(np.ones(k), n) + 0.5 * np.eye(k)[codes]
    p /= p.sum(axis=1, keepdims=True)
    return Predictions(task, np.arange(k), codes, p.argmax(axis=1), p)


class MetricTests(ConformanceTests):
    """Laws of a metric, by its name, on random rows of every task that it is for."""

    metric: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Metric:
        """The metric."""
        factory, options = resolve("metric", self.metric, self.options)
        return made_as(factory(**options), Metric)  # type: ignore[no-any-return]

    def cases(self, rows: Rows) -> Iterable[Case]:
        """Rows of each task, with groups that part them, groups that overlap, and weights."""
        metric, rng, n = self.made(), np.random.RandomState(rows.seed + 1), rows.n
        for task in metric.tasks:
            groups = {
                "all": Groups(np.zeros(n, dtype=int), ("all",)),
                "parts": Groups(rng.choice(3, n, p=[0.6, 0.3, 0.1]), ("a", "b", "c")),
                "overlapping": Groups(rng.random_sample((n, 2)) < 0.5, ("d", "e")),
            }
            w = rng.gamma(2.0, size=n) * (rng.random_sample(n) >= rows.zeros)
            yield metric, scored_rows(task, rows.seed, n), groups, w

    def seen(
        self, metric: Metric, rows: Predictions, groups: dict[str, Groups], w: Any
    ) -> Accumulator:
        """The accumulated rows."""
        found = Accumulator([metric])
        found.update(rows, groups, w)
        return found

    def close(self, one: Accumulator, two: Accumulator) -> None:
        """Both have the same values in the same groups."""
        assert one.labels == two.labels
        np.testing.assert_allclose(two.values()[0], one.values()[0], rtol=1e-9, atol=1e-12)

    def test_it_is_a_metric_that_can_be_pickled(self) -> None:
        """Its fields are what they can be; reports hold it, and go from process to process."""
        metric = made_as(self.made(), Metric)
        adds_up = metric.row_statistics is not None or metric.deviations is not None
        assert metric.name and isinstance(metric.name, str), f"its name is {metric.name!r}"
        assert isinstance(metric.tasks, tuple) and {*metric.tasks} <= {*get_args(Task)}, (
            f"tasks is a tuple of {get_args(Task)}, such as ('binary',), not {metric.tasks!r}"
        )
        assert metric.tasks, "tasks names none"
        assert metric.needs in get_args(PredictionKind), (
            f"needs is one of {get_args(PredictionKind)}, not {metric.needs!r}"
        )
        assert not isinstance(metric.interval, str) or metric.interval in INTERVALS, (
            f"interval is one of {INTERVALS}, a function or None, not {metric.interval!r}"
        )
        assert (metric.exact is None) == adds_up, "either `exact`, or `terms` and `spread`"
        assert metric.exact is not None or (metric.ratio is None) != (metric.value is None), (
            "what adds up needs `ratio` or `value`, and not both"
        )
        assert pickle.loads(pickle.dumps(metric)).name == metric.name

    @any_rows
    def test_the_merge_of_any_split_equals_the_whole(self, rows: Rows) -> None:
        """Parts of any sizes, in one accumulator or several, give the values of all rows."""
        for metric, scored, groups, w in self.cases(rows):
            one, several = Accumulator([metric]), Accumulator([metric])
            for index in rows.parts:
                own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
                one.update(take(scored, index), own, w[index])
                several = several + self.seen(metric, take(scored, index), own, w[index])
            whole = self.seen(metric, scored, groups, w)
            self.close(whole, one)
            self.close(whole, several)

    @any_rows
    def test_groups_that_cover_sum_to_the_whole(self, rows: Rows) -> None:
        """Sums are finite, and those over groups that part the rows add up to those over all."""
        for metric, scored, groups, w in self.cases(rows):
            sums = self.seen(metric, scored, groups, w).sums
            assert sums is not None
            for name in ("rows", "weight", "square", "row_statistics"):
                array = getattr(sums, name)
                assert np.isfinite(array).all(), f"{name} of {scored.task} are not finite"
                np.testing.assert_allclose(array[1:4].sum(axis=0), array[0], rtol=1e-9, atol=1e-12)

    @any_rows
    def test_the_order_of_rows_is_irrelevant(self, rows: Rows) -> None:
        """Shuffled rows give the same values."""
        for metric, scored, groups, w in self.cases(rows):
            order = np.random.RandomState(2).permutation(rows.n)
            own = {k: Groups(g.codes[order], g.names) for k, g in groups.items()}
            self.close(
                self.seen(metric, scored, groups, w),
                self.seen(metric, take(scored, order), own, w[order]),
            )

    @any_rows
    def test_a_group_is_its_rows_alone(self, rows: Rows) -> None:
        """The value of a group is that of its rows, evaluated without the others."""
        for metric, scored, groups, w in self.cases(rows):
            found = self.seen(metric, scored, groups, w)
            for i, (name, group) in enumerate(found.labels):
                g = groups[name]
                at = g.names.index(group)
                index = np.flatnonzero(g.codes == at if g.codes.ndim == 1 else g.codes[:, at])
                only = {"all": Groups(np.zeros(len(index), dtype=int), ("all",))}
                alone = self.seen(metric, take(scored, index), only, w[index]).values()[0]
                np.testing.assert_allclose(found.values()[0][i], alone[0], rtol=1e-9, atol=1e-12)

    @any_rows
    def test_whole_weights_are_repeated_rows(self, rows: Rows) -> None:
        """A weight of 3 is three rows, and a weight of 0 is none."""
        for metric, scored, groups, _ in self.cases(rows):
            w = np.random.RandomState(3).randint(0, 4, rows.n)
            index = np.repeat(np.arange(rows.n), w)
            own = {k: Groups(g.codes[index], g.names) for k, g in groups.items()}
            metric = replace(metric, min_rows=1)  # which counts rows, whatever their weights
            self.close(
                self.seen(metric, take(scored, index), own, None),
                self.seen(metric, scored, groups, w.astype(float)),
            )

    def test_an_empty_group_is_undefined(self) -> None:
        """A group without rows is NaN, without a warning."""
        for metric, scored, _, w in self.cases(Rows()):
            groups = {"parts": Groups(np.zeros(N, dtype=int), ("full", "empty"))}
            full, empty = self.seen(metric, scored, groups, w).values()[0]
            assert np.isfinite(full) and np.isnan(empty)
