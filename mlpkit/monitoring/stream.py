"""Prequential metrics: the rows of each call are predicted before they are used for training."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.grouping import Grouping
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.monitoring.plan import MetricPlan, record
from mlpkit.monitoring.protocol import Predict, PredictSet
from mlpkit.plugin import Array, Dataset, Metric, MetricValue, Predictions, Report, State

BUCKETS = 8  # number of buckets of a window, whose length is exact to an eighth


@dataclass(frozen=True)
class Stream:
    """Metrics over all rows of a stream and over its last rows, by group.

    ``total`` omits metrics that keep rows, since a stream has no end. A bucket contains the rows
    of some calls; the window drops the oldest bucket when the others suffice.
    """

    plan: MetricPlan
    window: int
    total: Accumulator
    buckets: tuple[Accumulator, ...] = ()

    def extended(self, passed: Dataset, encoded: Dataset, outputs: Array) -> "Stream":
        """The stream with the rows of a call.

        ``passed`` are the rows for partitioners, ``encoded`` their targets and weights, and
        ``outputs`` the predictions before training in the form of encoded targets,
        (n_samples, n_outputs).
        """
        plan = self.plan._replace(fitted_groups=dict(self.plan.fitted_groups))
        groups = plan.merged_groups_of(passed, len(encoded.y))
        predictions = plan.predictions(encoded.y, outputs)
        grouping = Grouping(groups, len(encoded.y), encoded.sample_weight)
        total = self.total + _accumulated(self.total.metrics, predictions, grouping)
        new = plan.accumulated(predictions, grouping)
        *old, last = self.buckets or (Accumulator(plan.metrics, strict=False),)
        if n_rows_of(last) < self.window / BUCKETS:
            buckets = [*old, last + new]
        else:
            buckets = [*old, last, new]
        while sum(map(n_rows_of, buckets[1:])) >= self.window:
            del buckets[0]
        return replace(self, plan=plan, total=total, buckets=tuple(buckets))

    def records(self, call: int) -> tuple[Record, ...]:
        """The values of the history for a call of this number."""
        window, *rest = self.buckets
        for bucket in rest:
            window = window + bucket
        last = record(call, "window", window)
        if not self.total.metrics:
            return (last,)
        return record(call, "prequential", self.total), last


class StreamMonitor:
    """The metrics of one call of `partial_fit`, computed before its training.

    Small parts of a stream lack classes and groups, so undefined values cause no warning.

    Parameters
    ----------
    stream : Stream
        The stream of earlier calls.
    train, passed : Dataset
        The rows as the network uses them, and as partitioners do.
    n_earlier : int
        Number of earlier calls.
    """

    scorer = None  # `partial_fit` does not support early stopping
    resumable = None  # nor a checkpoint
    with_predictions = False

    def __init__(self, stream: Stream, train: Dataset, passed: Dataset, n_earlier: int) -> None:
        self.stream: Any = stream
        self.train, self.passed, self.n_earlier = train, passed, n_earlier
        self.records: tuple[Record, ...] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the plan."""
        return self.stream.plan.metrics

    def hold_out(self, kept: Array, held: Array) -> None:
        """Do nothing: all rows are measured before training."""

    def predict_validation(self, predict: PredictSet) -> None:
        """Do nothing: all rows are measured before training."""

    def begin(self, predict: Predict, state: State) -> None:
        """Predict the rows with the weights before training, and measure them."""
        outputs = predict(state, self.train.X)
        self.stream = self.stream.extended(self.passed, self.train, outputs)
        self.records = self.stream.records(self.n_earlier + 1)

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """The values that `begin` measured."""
        return partial(MetricHistory, self.records)

    def history(self, n_epochs: int) -> MetricHistory:
        """The values that `begin` measured."""
        return MetricHistory(self.records)

    def warn(self) -> None:
        """Do nothing."""


def stream_of(plan: MetricPlan, window: int) -> Stream:
    """A stream without rows."""
    summed = [m for m in plan.metrics if m.exact is None]
    return Stream(plan, window, Accumulator(summed, strict=False))


def n_rows_of(accumulator: Accumulator) -> int:
    """Number of rows of an accumulator."""
    return 0 if accumulator.sums is None else int(np.max(accumulator.sums.n_rows))


def _accumulated(
    metrics: list[Metric], predictions: Predictions, grouping: Grouping
) -> Accumulator:
    accumulator = Accumulator(metrics, strict=False)
    accumulator.update_grouped(predictions, grouping)
    return accumulator
