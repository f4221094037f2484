"""What is measured after every epoch, determined before training."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.grouping import Grouping
from mlpkit.metrics.predictions import from_outputs, true_values
from mlpkit.monitoring.criteria import MIN_ROWS, Criterion
from mlpkit.monitoring.history import Record
from mlpkit.partitions.fitting import fit_and_assign, with_fitted
from mlpkit.plugin import Array, Dataset, Groups, Metric, Partitioner, Predictions, Task
from mlpkit.reports.estimates import ReportOptions
from mlpkit.reports.report import PartitionReport


class MetricPlan(NamedTuple):
    """The metrics, the partitioners with their fitted groups, and the stopping criterion."""

    task: Task
    classes: Array | None
    metrics: tuple[Metric, ...]
    partitioners: tuple[Partitioner, ...]
    fitted_groups: dict[str, Any]
    criterion: Criterion | None
    columns: tuple[str, ...] = ()  # the strings in the parameter `partitions` that are columns

    def groups_of(self, dataset: Dataset, n_rows: int) -> dict[str, Groups]:
        """The groups of rows; partitioners are fitted to the first rows."""
        partitioners = [
            with_fitted(p, self.fitted_groups[p.name]) if p.name in self.fitted_groups else p
            for p in self.partitioners
        ]
        return fit_and_assign(partitioners, self.fitted_groups, dataset, n_rows)

    def merged_groups_of(self, dataset: Dataset, n_rows: int) -> dict[str, Groups]:
        """The groups of rows of a stream; new groups are merged with those fitted before."""
        return fit_and_assign(self.partitioners, self.fitted_groups, dataset, n_rows)

    def predictions(self, y: Array, outputs: Array) -> Predictions:
        """Encoded targets with predictions in their form, both (n, n_outputs)."""
        return from_outputs(self.task, self.classes, true_values(self.task, y), outputs)

    def accumulated(self, predictions: Predictions, grouping: Grouping) -> Accumulator:
        """All metrics of these rows; a metric that raises is NaN."""
        accumulator = Accumulator(self.metrics, strict=False)
        accumulator.update_grouped(predictions, grouping)
        return accumulator

    def report(self, accumulator: Accumulator) -> PartitionReport:
        """The report of accumulated rows, without intervals."""
        min_rows = self.criterion.min_rows if self.criterion else MIN_ROWS
        settings = ReportOptions(None, min_rows, 1000, 0)
        return PartitionReport(accumulator, list(self.partitioners), self.fitted_groups, settings)


def record(epoch: int, split: str, accumulator: Accumulator) -> Record:
    """All values of accumulated rows, for the history."""
    assert accumulator.sums is not None
    weight = accumulator.sums.totals(accumulator.balanced)[:, 0, 0]
    return Record(
        epoch,
        split,
        tuple(m.name for m in accumulator.metrics),
        tuple(
            None if m.higher_is_better is None else bool(m.higher_is_better)
            for m in accumulator.metrics
        ),
        tuple(accumulator.labels),
        np.stack(accumulator.values()),
        accumulator.sums.n_rows,
        weight,
    )
