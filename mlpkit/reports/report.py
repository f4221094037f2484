"""Reports: the values of metrics by group, their summaries, merging and comparison."""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sklearn.exceptions import UndefinedMetricWarning

from mlpkit.messages import comma_separated, did_you_mean, escaped, plain_repr
from mlpkit.metrics.accumulator import Accumulator, check_comparable
from mlpkit.partitions.fitting import merge_fitted, with_fitted
from mlpkit.pickling import check_values
from mlpkit.plugin import Metric, Partitioner
from mlpkit.reports import limits as limit_checks
from mlpkit.reports import plots, printing
from mlpkit.reports.calibration import Calibration
from mlpkit.reports.comparison import Comparison, Side
from mlpkit.reports.entries import Entry
from mlpkit.reports.estimates import Estimates, ReportOptions
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.pages.documents import written
from mlpkit.reports.pages.report_page import report_page, report_part
from mlpkit.reports.tables import Table


class NoEligibleGroup(ValueError):
    """All groups have too few rows or an undefined value."""


class PartitionReport(Table):
    """The values of metrics over all rows and by group, as `mlpkit.evaluate` returns them.

    All rows are the group "all" of the partitioner "all". A group is eligible if it has at least
    ``min_rows`` rows and a defined value; other groups are shown but ignored by `worst`,
    `difference`, `ratio` and `check`.

    ``report[metric]`` is the value over all rows, and iterating over a report yields an `Entry`
    for each metric and group. ``+`` merges the reports of two parts of the data into the report of
    all rows, and ``-`` compares two reports.

    Parameters
    ----------
    accumulator : Accumulator
        The sums by group.
    partitioners : list of Partitioner
        The partitioners.
    fitted : dict
        The fitted groups by the name of the partitioner.
    options : ReportOptions
        Options of `evaluate`.

    Attributes
    ----------
    options : ReportOptions
        The options ``confidence``, ``min_rows``, ``draws`` and ``random_state`` of `evaluate`.
    importance : FeatureImportance or None
        The importance of the columns, with ``evaluate(..., importance=True)``. A merged report has
        none.
    calibration : Calibration or None
        Predictions against targets, with ``evaluate(..., calibration=True)``. A merged report has
        it if both reports have it.

    Examples
    --------
    >>> from mlpkit import by_labels, evaluate
    >>> sex = by_labels(["f", "f", "m", "m"], name="sex")
    >>> print(evaluate(None, None, [0, 1, 0, 1], y_pred=[0, 1, 1, 1], metrics="accuracy",
    ...                partitions=sex, min_rows=1))
          rows  accuracy
    all      4     0.750
    sex
      f      2      1.00
      m      2     0.500
    """

    _columns = Entry._fields

    def __init__(
        self,
        accumulator: Accumulator,
        partitioners: list[Partitioner],
        fitted: dict[str, Any],
        options: ReportOptions,
    ) -> None:
        self._accumulator, self._partitioners, self._fitted = accumulator, partitioners, fitted
        self._estimates = Estimates(accumulator, options)
        self.options = options
        self.importance: FeatureImportance | None = None
        self.calibration: Calibration | None = None

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics."""
        return [m.name for m in self._accumulator.metrics]

    @property
    def partitioners(self) -> list[str]:
        """Names of the partitioners, without "all"."""
        return [p.name for p in self._partitioners]

    @property
    def partitions(self) -> list[Partitioner]:
        """The partitioners with their fitted groups, for the evaluation of other data."""
        return [with_fitted(p, self._fitted[p.name]) for p in self._partitioners]

    @property
    def errors(self) -> dict[str, str]:
        """The errors of metrics that raised and are therefore undefined, by metric."""
        return dict(self._accumulator.errors)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, metric by metric."""
        return self._estimates.entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _metric(self, name: str) -> Metric:
        for metric in self._accumulator.metrics:
            if metric.name == name:
                return metric
        raise ValueError(
            f"The report has no metric {name!r}. Its metrics are: {comma_separated(self.metrics)}."
            f" {did_you_mean(name, self.metrics)}".rstrip()
        )

    def higher_is_better(self, metric: str) -> bool | None:
        """Whether higher values of a metric are better.

        Parameters
        ----------
        metric : str
            Name of the metric.

        Returns
        -------
        bool or None
            None if neither direction is better.
        """
        return self._metric(metric).higher_is_better

    def select(self, metric: str, by: str | None = None) -> list[Entry]:
        """Select the entries of a metric.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str or None, default=None
            Name of a partitioner; "all" is the value over all rows. None means all partitioners
            but "all".

        Returns
        -------
        list of Entry

        Raises
        ------
        ValueError
            If the report does not have the metric or the partitioner.
        """
        self._metric(metric)
        if by is not None and by not in (*self.partitioners, "all"):
            raise ValueError(
                f"The report has no partitioner {by!r}. Its partitioners are:"
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

    def eligible(self, metric: str, by: str | None = None) -> list[Entry]:
        """Select the entries of the eligible groups.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str or None, default=None
            Name of a partitioner. None means all partitioners.

        Returns
        -------
        list of Entry

        Raises
        ------
        ValueError
            If there is none.
        """
        entries = [e for e in self.select(metric, by) if e.eligible]
        if not entries:
            of = f" of {by!r}" if by else ""
            raise NoEligibleGroup(
                f"No group{of} is eligible for {metric!r}: each has fewer than"
                f" min_rows={self.options.min_rows} rows, or an undefined value."
            )
        return entries

    def worst(self, metric: str, by: str | None = None) -> Entry:
        """The entry of the eligible group with the worst value.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str or None, default=None
            Name of a partitioner. None means all partitioners.

        Returns
        -------
        Entry

        Raises
        ------
        ValueError
            If no group is eligible, or if neither direction of the metric is better.
        """
        better = self._metric(metric).higher_is_better
        if better is None:
            raise ValueError(
                f"Neither high nor low values of {metric!r} are better, so that no group is the"
                " worst. Use difference or ratio instead."
            )
        entries = self.eligible(metric, by)
        return (min if better else max)(entries, key=lambda e: e.value)

    def difference(
        self, metric: str, by: str | None = None, *, to: Literal["groups", "all"] = "groups"
    ) -> float:
        """The largest difference between eligible groups of one partitioner.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str or None, default=None
            Name of a partitioner. None means the largest difference of any partitioner.
        to : {"groups", "all"}, default="groups"
            "groups" is the difference between the highest and the lowest value, "all" the largest
            absolute difference between a group and all rows.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If no group is eligible.
        """
        if to == "all":
            overall = self[metric]
            return max(abs(e.value - overall) for e in self.eligible(metric, by))
        if to != "groups":
            raise ValueError(f"to must be 'groups' or 'all', got {to!r}.")
        return max(max(v) - min(v) for v in self._values(metric, by))

    def ratio(self, metric: str, by: str | None = None) -> float:
        """The lowest value of eligible groups divided by the highest.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str or None, default=None
            Name of a partitioner. None means the smallest ratio of any partitioner.

        Returns
        -------
        float
            NaN if a value is negative or all are 0.

        Raises
        ------
        ValueError
            If no group is eligible.
        """
        return min(
            (min(v) / max(v) if min(v) >= 0 < max(v) else math.nan)
            for v in self._values(metric, by)
        )

    def _values(self, metric: str, by: str | None) -> list[list[float]]:
        """The values of the eligible groups, for each partitioner."""
        values: dict[str, list[float]] = {}
        for e in self.eligible(metric, by):
            values.setdefault(e.partitioner, []).append(e.value)
        return list(values.values())

    def check(
        self,
        *,
        by: str | None = None,
        significant: bool = False,
        raises: bool = True,
        max_difference: dict[str, float] | None = None,
        min_ratio: dict[str, float] | None = None,
        **limits: float,
    ) -> list[limit_checks.Failure]:
        """Check limits of the values over all rows and of each eligible group.

        A limit is also violated if no group is eligible.

        Parameters
        ----------
        by : str or None, default=None
            Name of a partitioner. None means all partitioners.
        significant : bool, default=False
            Whether a value violates its limit only if its whole confidence interval does.
        raises : bool, default=True
            Whether to raise CheckFailed.
        max_difference : dict of float or None, default=None
            Largest `difference` between the groups of a partitioner, by metric.
        min_ratio : dict of float or None, default=None
            Smallest `ratio` of the groups of a partitioner, by metric.
        **limits : float
            Limits of values: ``min_`` or ``max_`` followed by the name of a metric.

        Returns
        -------
        list of Failure
            The violated limits.

        Raises
        ------
        CheckFailed
            If a limit is violated and `raises` is True.

        Examples
        --------
        >>> from mlpkit import evaluate
        >>> report = evaluate(None, None, [0, 1, 1, 1], y_pred=[0, 1, 0, 1], metrics="accuracy",
        ...                   min_rows=1)
        >>> report.check(min_accuracy=0.7)
        []
        """
        return limit_checks.check(
            self, by, significant, raises, max_difference or {}, min_ratio or {}, limits
        )

    def __add__(self, other: "PartitionReport") -> "PartitionReport":
        """The report over the rows of both."""
        if not isinstance(other, PartitionReport):
            return NotImplemented
        if self.partitioners != other.partitioners:
            raise ValueError(
                f"Reports by {comma_separated(self.partitioners, 'nothing')} and by"
                f" {comma_separated(other.partitioners, 'nothing')} cannot be merged. Evaluate"
                " both with the same partitions."
            )
        if self.options != other.options:
            differences = ", ".join(
                f"{name}={plain_repr(a)} and {plain_repr(b)}"
                for name, a, b in zip(
                    self.options._fields, self.options, other.options, strict=True
                )
                if a != b
            )
            raise ValueError(
                f"Reports with {differences} cannot be merged. Evaluate both with the same value."
            )
        fitted = {
            p.name: merge_fitted(p.name, p.merge, self._fitted[p.name], other._fitted[p.name])
            for p in self._partitioners
        }
        accumulator = self._accumulator + other._accumulator
        merged = PartitionReport(accumulator, self._partitioners, fitted, self.options)
        if self.calibration is not None and other.calibration is not None:
            merged.calibration = self.calibration + other.calibration
        return merged

    def compare(self, other: "PartitionReport") -> Comparison:
        """Compare with another report: the values of this one minus those of the other.

        If both reports are of the same rows in the same order, the intervals are those of paired
        differences. Otherwise the rows must be independent.

        Parameters
        ----------
        other : PartitionReport
            The other report.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If the reports have different tasks or classes, or no metric and group in common.
        """
        check_comparable(self._accumulator, other._accumulator, "compared")
        return Comparison.of(self._side(), other._side())

    def _side(self) -> Side:
        estimates = self._estimates
        return Side(
            estimates.entries,
            self._accumulator.labels,
            estimates.replicates,
            self.options.confidence,
            {m.name: m.higher_is_better for m in self._accumulator.metrics},
        )

    def __sub__(self, other: "PartitionReport") -> Comparison:
        if not isinstance(other, PartitionReport):
            return NotImplemented
        return self.compare(other)

    def to_html(
        self,
        path: Any = None,
        *,
        title: str | None = None,
        estimator: Any = None,
        failures: Sequence[limit_checks.Failure] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Write a page of HTML: values over all rows, worst groups, tables and plots by group.

        The page is one file that loads nothing from elsewhere and runs no scripts. It can be read
        on a phone and printed, and is light or dark as the browser is. Text from the data is
        escaped. The file is replaced at once, or not at all. Equal reports give equal pages.

        Parameters
        ----------
        path : str, path or file, default=None
            Where to write the page.
        title : str or None, default=None
            Title of the page. None names the metrics.
        estimator : estimator or None, default=None
            A fitted estimator of this package, or a pipeline that ends with one, whose losses,
            validation scores and metrics by epoch are shown.
        failures : list of Failure or None, default=None
            What ``check(raises=False)`` returned: the violated limits are the first that the page
            shows. None shows nothing about limits.
        details : dict or None, default=None
            Facts that are shown below the title, such as the names of the model and of the data
            and the time.

        Returns
        -------
        str or None
            The page, if `path` is None.

        Examples
        --------
        >>> from mlpkit import evaluate
        >>> report = evaluate(None, None, [0, 1, 1, 1], y_pred=[0, 1, 0, 1], metrics="accuracy")
        >>> page = report.to_html(title="Income", details={"data": "test.parquet"})
        >>> "<title>Income</title>" in page
        True
        """
        page = report_page(self, title, estimator, failures, details or {})
        return written(page, path)

    def _repr_html_(self) -> str:
        return report_part(self)

    def __getstate__(self) -> dict[str, Any]:
        metrics = self._accumulator.metrics
        check_values(self, {"metrics": metrics, "partitions": self._partitioners})
        return self.__dict__

    def __str__(self) -> str:
        text = printing.report(self.entries, self.notes, self.options)
        return text if self.importance is None else f"{text}\n\n{self.importance}"

    def __repr__(self) -> str:
        n_groups = len(self._accumulator.labels) - 1
        return (
            f"<PartitionReport of {comma_separated(self.metrics)} by"
            f" {comma_separated(self.partitioners, 'nothing')}: {n_groups} groups>"
        )

    def warn_of_undefined(self) -> None:
        """Warn once of all values that are NaN although their group has rows.

        `mlpkit.evaluate` does so, and merging reports does not.
        """
        undefined = [e for e in self.entries if e.n_rows and math.isnan(e.value)]
        if undefined:
            e, reasons = undefined[0], self.errors
            reason = f" ({escaped(reasons[e.metric])})" if e.metric in reasons else ""
            others = len(undefined) - 1
            also = f" {others} other value{' is' if others == 1 else 's are'} undefined, too."
            warnings.warn(
                f"{escaped(e.metric)} is undefined for {escaped(e.partitioner)} {e.partition!r}"
                f"{reason}, and set to NaN. Undefined values are ignored when groups are compared."
                f"{also if others else ''}",
                UndefinedMetricWarning,
                stacklevel=4,
            )

    @property
    def notes(self) -> list[str]:
        """Remarks about metrics, and their errors."""
        notes = [f"{m.name}: {m.note}" for m in self._accumulator.metrics if m.note]
        return notes + [f"{m} is undefined for some groups: {e}" for m, e in self.errors.items()]

    def plot(
        self, *, ax: Any = None, metrics: list[str] | None = None, by: str | list[str] | None = None
    ) -> Any:
        """Plot a dot and a confidence interval for each group.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to plot, one for each metric. None makes a new figure.
        metrics : list of str or None, default=None
            Names of the metrics, by default all.
        by : str, list of str or None, default=None
            Names of the partitioners, by default all.

        Returns
        -------
        matplotlib Axes or ndarray of Axes
            The axes, one for each metric.
        """
        return plots.dots(self._chosen(metrics, by), ax)

    def _chosen(self, metrics: list[str] | None, by: str | list[str] | None) -> list[Entry]:
        """The entries of these metrics and partitioners, and those of all rows."""
        names = self.metrics if metrics is None else metrics
        partitioners = self.partitioners if by is None else [by] if isinstance(by, str) else by
        return [e for m in names for p in ("all", *partitioners) for e in self.select(m, p)]
