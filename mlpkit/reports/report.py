"""Metrics by group: values, intervals, and what to conclude from them."""

import math
from collections.abc import Iterator
from typing import Any

from mlpkit.messages import comma_separated, did_you_mean, plain_repr
from mlpkit.metrics.accumulator import Accumulator, check_alike
from mlpkit.partitions.lookup import joined, learned
from mlpkit.pickling import check_values
from mlpkit.plugin import Metric, Partitioner
from mlpkit.reports import limits as gate
from mlpkit.reports import plots as drawing
from mlpkit.reports import text
from mlpkit.reports.comparison import Comparison, Side
from mlpkit.reports.entries import Entry, frame, to_csv
from mlpkit.reports.estimates import Estimates, Settings


class Undecided(ValueError):
    """No group decides: each is too small, or its value is undefined."""


class PartitionReport:
    """What `mlpkit.evaluate` gives: metrics over all rows and by group.

    The whole data is the partitioner "all" with the one group "all". A group of fewer than
    ``min_rows`` rows, or with an undefined value, is shown but never decides: `worst`,
    `difference`, `ratio` and `check` pass it over.

    Reports of different rows add up with ``+`` to the report of all rows, and compare with
    ``-``. Iterating gives an `Entry` for each metric and group.
    """

    def __init__(
        self,
        seen: Accumulator,
        partitioners: list[Partitioner],
        cuts: dict[str, Any],
        settings: Settings,
    ) -> None:
        self._seen, self._partitioners, self._cuts = seen, partitioners, cuts
        self._estimates = Estimates(seen, settings)
        self.settings = settings

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics."""
        return [m.name for m in self._seen.metrics]

    @property
    def partitioners(self) -> list[str]:
        """The names of the partitioners, without "all"."""
        return [p.name for p in self._partitioners]

    @property
    def partitions(self) -> list[Partitioner]:
        """The partitioners with their groups as they are here: to evaluate other data with."""
        return [learned(p, self._cuts[p.name]) for p in self._partitioners]

    @property
    def errors(self) -> dict[str, str]:
        """Why a metric is undefined somewhere, by metric, where it raised."""
        return dict(self._seen.errors)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All values, metric by metric."""
        return self._estimates.entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _metric(self, name: str) -> Metric:
        for metric in self._seen.metrics:
            if metric.name == name:
                return metric
        raise ValueError(
            f"the report has no metric {name!r}; it has: {comma_separated(self.metrics)}."
            f" {did_you_mean(name, self.metrics)}".rstrip()
        )

    def orientation(self, metric: str) -> bool | None:
        """Whether higher is better; None if neither is."""
        return self._metric(metric).higher_is_better

    def select(self, metric: str, by: str | None = None) -> list[Entry]:
        """The entries of a metric, of one partitioner or of all groups but the whole."""
        self._metric(metric)
        if by is not None and by not in (*self.partitioners, "all"):
            raise ValueError(
                f"the report has no partitioner {by!r}; it has:"
                f" {comma_separated(self.partitioners)}."
                f" {did_you_mean(by, self.partitioners)}".rstrip()
            )
        return [
            e
            for e in self.entries
            if e.metric == metric and (e.partitioner == by if by else e.partitioner != "all")
        ]

    def __getitem__(self, metric: str) -> float:
        """The value over all rows."""
        return self.select(metric, "all")[0].value

    def deciding(self, metric: str, by: str | None = None) -> list[Entry]:
        """The entries that may decide; ValueError if there is none."""
        found = [e for e in self.select(metric, by) if e.decides]
        if not found:
            where = f"of {by!r} " if by else ""
            raise Undecided(
                f"no group {where}decides {metric!r}: each has fewer than"
                f" min_rows={self.settings.min_rows} rows, or an undefined value."
            )
        return found

    def worst(self, metric: str, by: str | None = None) -> Entry:
        """The group with the worst value, of one partitioner or of all."""
        better = self._metric(metric).higher_is_better
        if better is None:
            raise ValueError(
                f"neither high nor low {metric!r} is better, so no group is worst: ask for the"
                " difference or the ratio."
            )
        found = self.deciding(metric, by)
        return min(found, key=lambda e: e.value) if better else max(found, key=lambda e: e.value)

    def difference(self, metric: str, by: str | None = None, *, to: str = "groups") -> float:
        """The largest difference between groups of one partitioner; or ``to="all"``, from the
        value over all rows. Without ``by`` the largest of any partitioner.
        """
        if to == "all":
            whole = self[metric]
            return max(abs(e.value - whole) for e in self.deciding(metric, by))
        if to != "groups":
            raise ValueError(f"to={to!r}; possible: 'groups', 'all'.")
        return max(max(v) - min(v) for v in self._values(metric, by))

    def ratio(self, metric: str, by: str | None = None) -> float:
        """The smallest value over the largest, of one partitioner; without ``by`` the smallest
        ratio of any. NaN where a value is negative or all are 0.
        """
        return min(
            (min(v) / max(v) if min(v) >= 0 < max(v) else math.nan)
            for v in self._values(metric, by)
        )

    def _values(self, metric: str, by: str | None) -> list[list[float]]:
        found: dict[str, list[float]] = {}
        for e in self.deciding(metric, by):
            found.setdefault(e.partitioner, []).append(e.value)
        return list(found.values())

    def check(
        self,
        *,
        by: str | None = None,
        surely: bool = False,
        raises: bool = True,
        max_difference: dict[str, float] | None = None,
        min_ratio: dict[str, float] | None = None,
        **limits: float,
    ) -> list[gate.Failure]:
        """What fails, as a `CheckFailed`, or, with ``raises=False``, as a list.

        ``min_accuracy=0.8`` or ``max_log_loss=0.5`` hold for the whole and for every group
        that decides, of the partitioner ``by`` or of all; ``max_difference={"recall": 0.05}``
        and ``min_ratio={"selection_rate": 0.8}`` for every partitioner. ``surely`` fails a
        value only when its whole interval is beyond the limit. A limit that no group decides
        fails too.
        """
        return gate.check(self, by, surely, raises, max_difference or {}, min_ratio or {}, limits)

    def __add__(self, other: "PartitionReport") -> "PartitionReport":
        """The report over the rows of both."""
        if not isinstance(other, PartitionReport):
            return NotImplemented
        if self.partitioners != other.partitioners:
            raise ValueError(
                f"reports by {comma_separated(self.partitioners, 'nothing')} and by"
                f" {comma_separated(other.partitioners, 'nothing')} can't be merged: evaluate"
                " both with the same partitions."
            )
        if self.settings != other.settings:
            differ = ", ".join(
                f"{name}={plain_repr(a)} and {plain_repr(b)}"
                for name, a, b in zip(Settings._fields, self.settings, other.settings, strict=True)
                if a != b
            )
            raise ValueError(f"reports with {differ} can't be merged: evaluate both alike.")
        cuts = {
            p.name: joined(p.name, p.merge, self._cuts[p.name], other._cuts[p.name])
            for p in self._partitioners
        }
        seen = self._seen + other._seen
        return PartitionReport(seen, self._partitioners, cuts, self.settings)

    def compare(self, other: "PartitionReport") -> Comparison:
        """This report's values minus the other's, by metric and group, with intervals.

        Two models on the same rows in the same order are compared pair by pair: what the
        rows have in common drops out. Otherwise the rows are taken as independent.
        """
        check_alike(self._seen, other._seen, "compared")
        return Comparison.of(*(r.side() for r in (self, other)))

    def side(self) -> Side:
        """What a comparison needs."""
        made = self._estimates
        return Side(made.entries, self._seen.labels, made.replicates, self.settings.confidence)

    def __sub__(self, other: "PartitionReport") -> Comparison:
        if not isinstance(other, PartitionReport):
            return NotImplemented
        return self.compare(other)

    def to_frame(self) -> Any:
        """A tidy pandas frame: a row for each metric and group.

        Names of groups are raw, as they are in the data; `to_csv` neutralises them.
        """
        return frame(self.entries, Entry._fields)

    def to_csv(self, path: Any = None) -> str | None:
        """Write what `to_frame` holds to a CSV file; without a path return its text.

        Text is neutralised: control characters are escaped, and an apostrophe precedes names
        that a spreadsheet would take for a formula (``=``, ``+``, ``-`` or ``@`` in front).
        Numbers stay numbers. For raw text use ``to_frame().to_csv(path)``.
        """
        return to_csv(self.entries, Entry._fields, path)

    def __getstate__(self) -> dict[str, Any]:
        check_values(self, {"metrics": self._seen.metrics, "partitions": self._partitioners})
        return self.__dict__

    def __str__(self) -> str:
        return text.report(self.entries, self._notes(), self.settings)

    def __repr__(self) -> str:
        n_groups = len(self._seen.labels) - 1
        return (
            f"<PartitionReport of {comma_separated(self.metrics)} by"
            f" {comma_separated(self.partitioners, 'nothing')}: {n_groups} groups>"
        )

    def _notes(self) -> list[str]:
        """What there is to know about metrics."""
        notes = [f"{m.name}: {m.note}" for m in self._seen.metrics if m.note]
        return notes + [f"{name} is undefined somewhere: {w}" for name, w in self.errors.items()]

    def plot(
        self, *, ax: Any = None, metrics: list[str] | None = None, by: str | list[str] | None = None
    ) -> Any:
        """A dot for each group, with its interval: one axes for each metric, which it returns."""
        return drawing.dots(self.chosen(metrics, by), ax)

    def chosen(self, metrics: list[str] | None, by: str | list[str] | None) -> list[Entry]:
        """The entries of these metrics and partitioners, and of the whole."""
        names = self.metrics if metrics is None else metrics
        parts = [by] if isinstance(by, str) else (self.partitioners if by is None else list(by))
        return [e for m in names for part in ("all", *parts) for e in self.select(m, part)]
