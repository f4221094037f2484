"""The tasks of an evaluation, which run on workers."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.multiclass import type_of_target

import mlpkit
from mlpkit import PartitionReport
from mlpkit.plugin import Array, Dataset, Partitioner, UnmergeableGroups
from mlpkit_dask.rows.blocks import check_counts, counts, rows_of
from mlpkit_dask.rows.samples import joined

Result = PartitionReport | UnmergeableGroups | None


def report_of(number: int, rows: Dataset, model: Any, options: dict[str, Any]) -> Result:
    """Return the report of a partition, or None if it has no rows."""
    if not check_counts(number, counts(rows)):
        return None
    fields = {name: v for name, v in rows._asdict().items() if name not in ("error", "groups")}
    if "sample_weight" in options:  # "balanced"
        del fields["sample_weight"]
    with warnings.catch_warnings():  # the sum of all reports may be defined
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return mlpkit.evaluate(model, **fields, **options)


def added(reports: Sequence[Result]) -> Result:
    """Add reports, or return the first groups that cannot be merged."""
    total: Result = None
    for report in reports:
        if total is None or isinstance(report, UnmergeableGroups):
            total = report
        elif isinstance(total, PartitionReport) and report is not None:
            try:
                total = total + report
            except UnmergeableGroups as error:
                return error
    return total


def fitted_to(samples: Sequence[Dataset], model: Any, options: dict[str, Any]) -> list[Partitioner]:
    """Return the partitioners, fitted to samples of all partitions."""
    rows = joined([part for part in samples if count(part)] or list(samples[:1]))
    report = report_of(0, rows, model, options)
    return report.partitions if isinstance(report, PartitionReport) else []


def count(rows: Dataset) -> int:
    """Return the number of rows of a partition."""
    return next(iter(counts(rows).values()))


def kind_of_targets(y: Any) -> tuple[str, Array | None] | None:
    """Return the type of targets, and all distinct ones if they are classes; None for no rows."""
    if not rows_of(y):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about many classes
        kind = str(type_of_target(y))
    return kind, np.unique(np.ravel(y)) if kind in ("binary", "multiclass") else None
