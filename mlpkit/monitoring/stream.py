"""Test-then-train: each chunk of a stream is predicted before it is learned from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.grouping import Grouping
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.monitoring.plan import Plan, record
from mlpkit.plugin import Array, Dataset, Metric, MetricValue, Predictions, Report, State

BUCKETS = 8  # of a window: it is exact to an eighth of its length


@dataclass(frozen=True)
class Stream:
    """Metrics over all rows of a stream, and over the last `window` of them, by group.

    ``whole`` leaves out metrics that keep rows, which a stream has no end of. Each bucket
    holds the rows of some calls; the window drops the oldest as soon as it can.
    """

    plan: Plan
    window: int
    whole: Accumulator
    buckets: tuple[Accumulator, ...] = ()

    def after(self, sample: Dataset, y: Array, p: Array, w: Array | None) -> "Stream":
        """With a chunk: targets and outputs before training on it, both (n, n_outputs).

        Partitioners that can learn groups that are new in it do.
        """
        cuts = dict(self.plan.cuts)
        plan = self.plan._replace(cuts=cuts)
        groups = plan.met(sample, len(y))
        scored, grouping = plan.scored(y, p), Grouping(groups, len(y), w)
        whole = self.whole + _seen(self.whole.metrics, scored, grouping)
        chunk = plan.seen(scored, grouping)
        *old, last = self.buckets or (Accumulator(plan.metrics, strict=False),)
        if rows_of(last) < self.window / BUCKETS:
            buckets = [*old, last + chunk]
        else:
            buckets = [*old, last, chunk]
        while sum(map(rows_of, buckets[1:])) >= self.window:
            del buckets[0]
        return replace(self, plan=plan, whole=whole, buckets=tuple(buckets))

    def records(self, call: int) -> tuple[Record, ...]:
        """The rows of the history for this call."""
        first, *rest = self.buckets
        for bucket in rest:
            first = first + bucket
        found = [record(call, "window", first)]
        return (
            (record(call, "prequential", self.whole), *found) if self.whole.metrics else (*found,)
        )


class Arrival(NamedTuple):
    """A chunk that is to be measured: X as the network takes it, y (n, n_outputs) encoded,
    sample weights (n,) or None, the rows for partitioners, and the calls before.
    """

    stream: Stream
    X: Any
    y: Array
    w: Array | None
    sample: Dataset
    calls: int

    @property
    def plan(self) -> Plan:
        """What is measured."""
        return self.stream.plan

    def monitor(self, predict: Callable[[State, Any], Array]) -> "StreamMonitor":
        """Who measures it."""
        return StreamMonitor(self, predict)


class StreamMonitor:
    """The metrics of one call of `partial_fit`, made before its training."""

    with_predictions = False

    def __init__(self, arrival: Arrival, predict: Callable[[State, Any], Array]) -> None:
        self.arrival, self.predict = arrival, predict
        self.stream = arrival.stream
        self.records: tuple[Record, ...] = ()

    def begin(self, state: State) -> None:
        """Predict the chunk with what was learned before it."""
        chunk = self.arrival
        p = self.predict(state, chunk.X)
        self.stream = chunk.stream.after(chunk.sample, chunk.y, p, chunk.w)
        self.records = self.stream.records(chunk.calls + 1)

    def score(self, state: State) -> float:
        """A stream is not stopped early."""
        raise NotImplementedError

    def monitored(self, score: float) -> None:
        """Nothing: a stream is not stopped early."""

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """What was measured."""
        return partial(MetricHistory, self.records)

    def history(self, epochs: int) -> MetricHistory:
        """What was measured."""
        return MetricHistory(self.records)

    def tell(self) -> None:
        """Small chunks lack classes and groups: what is undefined is NaN, without a word."""


def stream_of(plan: Plan, window: int) -> Stream:
    """A stream of which nothing was seen."""
    adding = [m for m in plan.metrics if m.exact is None]
    return Stream(plan, window, Accumulator(adding, strict=False))


def rows_of(seen: Accumulator) -> int:
    """How many rows were seen."""
    return 0 if seen.sums is None else int(np.max(seen.sums.n_rows))


def _seen(metrics: list[Metric], scored: Predictions, grouping: Grouping) -> Accumulator:
    found = Accumulator(metrics, strict=False)
    found.update_grouped(scored, grouping)
    return found
