"""What is measured in every epoch, settled before training, and the rows it is measured on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import metric_of, metrics_of
from mlpkit.metrics.grouping import Grouping
from mlpkit.metrics.predictions import from_outputs, true_values
from mlpkit.monitoring.criteria import MIN_ROWS, Goal, goal_of
from mlpkit.monitoring.history import Record
from mlpkit.partitions.arguments import partitioners_of
from mlpkit.partitions.fitting import fit_and_assign, with_fitted
from mlpkit.plugin import (
    Array,
    Dataset,
    Groups,
    Metric,
    Partitioner,
    PredictionKind,
    Predictions,
    Task,
)
from mlpkit.reports.estimates import ReportOptions
from mlpkit.reports.report import PartitionReport

NEEDS: tuple[PredictionKind, ...] = ("labels", "scores", "probabilities")


class Rows(NamedTuple):
    """Rows that are measured: X as the network takes it, y (n, n_outputs) encoded, sample
    weights (n,) or None, and the groups of each partitioner.
    """

    split: str
    X: Any
    y: Array
    w: Array | None
    groups: Mapping[str, Groups]

    def part(self, split: str, index: Array) -> "Rows":
        """Some of them, as a split of its own."""
        groups = {name: Groups(g.codes[index], g.names) for name, g in self.groups.items()}
        w = None if self.w is None else self.w[index]
        return Rows(split, self.X[index], self.y[index], w, groups)


class Plan(NamedTuple):
    """What is measured, by which groups, and what early stopping looks at."""

    task: Task
    classes: Array | None
    metrics: tuple[Metric, ...]
    partitioners: tuple[Partitioner, ...]
    cuts: dict[str, Any]
    goal: Goal | None

    def grouped(self, sample: Dataset, n_rows: int) -> dict[str, Groups]:
        """The groups of rows; the first ones teach the partitioners theirs."""
        known = [
            with_fitted(p, self.cuts[p.name]) if p.name in self.cuts else p
            for p in self.partitioners
        ]
        return fit_and_assign(known, self.cuts, sample, n_rows)

    def met(self, sample: Dataset, n_rows: int) -> dict[str, Groups]:
        """The groups of rows of a stream, which may teach new ones."""
        return fit_and_assign(self.partitioners, self.cuts, sample, n_rows)

    def rows(self, split: str, X: Any, y: Array, w: Array | None, sample: Dataset) -> Rows:
        """Rows with their groups."""
        return Rows(split, X, y, w, self.grouped(sample, len(y)))

    def scored(self, y: Array, p: Array) -> Predictions:
        """Encoded targets with activated outputs, both (n, n_outputs)."""
        return from_outputs(self.task, self.classes, true_values(self.task, y), p)

    def seen(self, scored: Predictions, grouping: Grouping) -> Accumulator:
        """All metrics of these rows; what raises is NaN."""
        found = Accumulator(self.metrics, strict=False)
        found.update_grouped(scored, grouping)
        return found

    def report(self, seen: Accumulator) -> PartitionReport:
        """What was seen, as a report."""
        min_rows = self.goal.min_rows if self.goal else MIN_ROWS
        return PartitionReport(
            seen, list(self.partitioners), self.cuts, ReportOptions(None, min_rows, 1000, 0)
        )


def record(epoch: int, split: str, seen: Accumulator) -> Record:
    """All values of what was seen, for the history."""
    assert seen.sums is not None
    weight = seen.sums.totals(seen.balanced)[:, 0, 0]
    names = tuple(m.name for m in seen.metrics)
    values = np.stack(seen.values())
    return Record(epoch, split, names, tuple(seen.labels), values, seen.sums.n_rows, weight)


def plan_of(params: Mapping[str, Any], task: Task, classes: Array | None, X: Any) -> Plan:
    """The plan that an estimator's parameters ask for; X as the user gave it.

    ValueError for what is unknown, does not fit the task, or can't decide.
    """
    goal = None if params["early_stopping_on"] is None else goal_of(params["early_stopping_on"])
    asked = params["metrics"]
    named = goal.metric if goal is not None else ""
    if asked is None and named:
        asked = [named]
    brought = params["network_metrics"]
    found = [] if asked is None and brought else metrics_of(asked, task, NEEDS)
    found += [m for m in brought if m.name not in [each.name for each in found]]
    if named and named not in [m.name for m in found]:
        found += metrics_of([metric_of(named)], task)
    partitioners = partitioners_of(() if params["partitions"] is None else params["partitions"], X)
    if goal is not None:
        goal.check(found, [p.name for p in partitioners])
    return Plan(task, classes, tuple(found), tuple(partitioners), {}, goal)
