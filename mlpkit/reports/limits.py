"""Limits on the values of a report, for jobs that must fail when a group falls behind."""

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from mlpkit.messages import escaped
from mlpkit.reports.entries import Entry


class CheckedReport(Protocol):
    """The part of a report that `check` needs."""

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics."""

    @property
    def partitioners(self) -> list[str]:
        """Names of the partitioners."""

    def select(self, metric: str, by: str | None = None) -> list[Entry]:
        """The entries of a metric."""

    def difference(self, metric: str, by: str | None = None) -> float:
        """The largest difference between groups."""

    def ratio(self, metric: str, by: str | None = None) -> float:
        """The smallest ratio of groups."""


class Failure(NamedTuple):
    """A violated limit.

    Parameters
    ----------
    rule : str
        The limit as it was passed, such as "min_accuracy".
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value : float
        The value; NaN if no group is eligible.
    limit : float
        The limit.
    """

    rule: str
    metric: str
    partitioner: str
    partition: str
    value: float
    limit: float

    def __str__(self) -> str:
        rule, metric, partitioner = map(escaped, (self.rule, self.metric, self.partitioner))
        limit = f"{rule}={self.limit:g}"
        if math.isnan(self.value):
            of = "" if self.partitioner == "all" else f" of {partitioner!r}"
            return f"{limit}: no group{of} is eligible"
        if not self.partition:  # a limit of all groups of a partitioner
            kind = "ratio" if rule.startswith("min_ratio") else "difference"
            return f"{limit}: the {kind} of {metric} is {self.value:.4g} by {partitioner!r}"
        group = "all rows" if self.partitioner == "all" else f"{partitioner} {self.partition!r}"
        return f"{limit}: {metric} is {self.value:.4g} for {group}"


class CheckFailed(AssertionError):
    """Limits of `PartitionReport.check` are violated.

    Parameters
    ----------
    failures : list of Failure
        The violated limits.

    Attributes
    ----------
    failures : list of Failure
        The violated limits.

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [0, 1, 1, 1], y_pred=[0, 1, 0, 1], metrics="accuracy",
    ...                   min_rows=1)
    >>> try:
    ...     report.check(min_accuracy=0.8)
    ... except CheckFailed as error:
    ...     print(error)
    1 limit is violated:
    min_accuracy=0.8: accuracy is 0.75 for all rows
    """

    def __init__(self, failures: list[Failure]) -> None:
        n = len(failures)
        heading = "1 limit is violated:" if n == 1 else f"{n} limits are violated:"
        super().__init__("\n".join([heading, *map(str, failures)]))
        self.failures = failures


def check(
    report: CheckedReport,
    by: str | None,
    significant: bool,
    raises: bool,
    max_difference: dict[str, float],
    min_ratio: dict[str, float],
    limits: dict[str, float],
) -> list[Failure]:
    """See `PartitionReport.check`."""
    failures: list[Failure] = []
    for rule, limit in limits.items():
        failures += _value_failures(report, by, significant, rule, limit)
    for rule, by_metric in (("max_difference", max_difference), ("min_ratio", min_ratio)):
        for metric, limit in by_metric.items():
            failures += _gap_failures(report, by, rule, metric, limit)
    if failures and raises:
        raise CheckFailed(failures)
    return failures


def _value_failures(
    report: CheckedReport, by: str | None, significant: bool, rule: str, limit: float
) -> Iterator[Failure]:
    """Values beyond a limit, first over all rows, then by group."""
    side, _, metric = rule.partition("_")
    if side not in ("min", "max") or not metric:
        raise ValueError(
            f"check has no limit {rule!r}. Limits are min_ or max_ followed by the name of a"
            f" metric, as in min_{report.metrics[0]}=0.8."
        )
    entries = [*report.select(metric, "all"), *report.select(metric, by)]
    eligible = [e for e in entries if e.eligible]
    if not eligible:
        yield Failure(rule, metric, by or "all", "", math.nan, limit)
    for e in eligible:
        value = e.value
        if significant:
            if math.isnan(e.low):
                raise ValueError(
                    "significant=True needs confidence intervals. Evaluate with confidence=0.95."
                )
            value = e.high if side == "min" else e.low
        if value < limit if side == "min" else value > limit:
            yield Failure(rule, metric, e.partitioner, e.partition, e.value, limit)


def _gap_failures(
    report: CheckedReport, by: str | None, rule: str, metric: str, limit: float
) -> Iterator[Failure]:
    """Partitioners whose groups differ too much."""
    for partitioner in report.partitioners if by is None else [by]:
        if not any(e.eligible for e in report.select(metric, partitioner)):
            yield Failure(f"{rule}[{metric}]", metric, partitioner, "", math.nan, limit)
            continue
        gap_of = report.difference if rule == "max_difference" else report.ratio
        value = gap_of(metric, partitioner)
        if value > limit if rule == "max_difference" else not value >= limit:
            yield Failure(f"{rule}[{metric}]", metric, partitioner, "", value, limit)
