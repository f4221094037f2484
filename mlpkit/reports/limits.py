"""Limits on a report, for a job that must fail when a group falls behind."""

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from mlpkit.messages import escaped
from mlpkit.reports.entries import Entry


class Judged(Protocol):
    """What `check` asks of a report."""

    @property
    def metrics(self) -> list[str]:
        """Names."""

    @property
    def partitioners(self) -> list[str]:
        """Names."""

    def select(self, metric: str, by: str | None = None) -> list[Entry]:
        """The entries of a metric."""

    def difference(self, metric: str, by: str | None = None) -> float:
        """The largest difference between groups."""

    def ratio(self, metric: str, by: str | None = None) -> float:
        """The smallest ratio of groups."""


class Failure(NamedTuple):
    """A limit that does not hold."""

    rule: str  # "min_accuracy"
    metric: str
    partitioner: str
    partition: str
    value: float  # NaN where no group decides
    limit: float

    def __str__(self) -> str:
        rule, metric, where = map(escaped, (self.rule, self.metric, self.partitioner))
        where = "the whole" if self.partitioner == "all" else where
        if self.partition and self.partitioner != "all":
            where = f"{where} {self.partition!r}"
        if math.isnan(self.value):
            return f"{rule}={self.limit:g}: {where} decides nothing"
        return f"{rule}={self.limit:g}: {where} has {metric} {self.value:.4g}"


class CheckFailed(AssertionError):
    """Some limits of `PartitionReport.check` don't hold; ``failures`` lists them."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__("\n".join([f"{len(failures)} of the limits fail:", *map(str, failures)]))
        self.failures = failures


def check(
    report: Judged,
    by: str | None,
    surely: bool,
    raises: bool,
    max_difference: dict[str, float],
    min_ratio: dict[str, float],
    limits: dict[str, float],
) -> list[Failure]:
    """As `PartitionReport.check`."""
    failures: list[Failure] = []
    for rule, limit in limits.items():
        failures += _limited(report, by, surely, rule, limit)
    spans = (("max_difference", max_difference), ("min_ratio", min_ratio))
    for rule, named in spans:
        for metric, limit in named.items():
            failures += _spans(report, by, rule, metric, limit)
    if failures and raises:
        raise CheckFailed(failures)
    return failures


def _limited(
    report: Judged, by: str | None, surely: bool, rule: str, limit: float
) -> Iterator[Failure]:
    """Where a value is beyond its limit: the whole first, then groups."""
    side, _, metric = rule.partition("_")
    if side not in ("min", "max") or not metric:
        raise ValueError(
            f"check has no limit {rule!r}: write min_ or max_ before a metric, as in"
            f" min_{report.metrics[0]}=0.8."
        )
    entries = [*report.select(metric, "all"), *report.select(metric, by)]
    deciding = [e for e in entries if e.decides]
    if not deciding:
        yield Failure(rule, metric, by or "all", "", math.nan, limit)
    for e in deciding:
        value = e.value
        if surely:
            if math.isnan(e.low):
                raise ValueError("surely=True needs intervals: evaluate with confidence=0.95.")
            value = e.high if side == "min" else e.low
        if value < limit if side == "min" else value > limit:
            yield Failure(rule, metric, e.partitioner, e.partition, e.value, limit)


def _spans(
    report: Judged, by: str | None, rule: str, metric: str, limit: float
) -> Iterator[Failure]:
    """Where groups of one partitioner are too far apart."""
    for part in report.partitioners if by is None else [by]:
        if not any(e.decides for e in report.select(metric, part)):
            yield Failure(f"{rule}[{metric}]", metric, part, "", math.nan, limit)
            continue
        value = (report.difference if rule == "max_difference" else report.ratio)(metric, part)
        if value > limit if rule == "max_difference" else not value >= limit:
            yield Failure(f"{rule}[{metric}]", metric, part, "", value, limit)
