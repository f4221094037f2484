"""Displays in the style of scikit-learn: plots that are made from an estimator or predictions."""

from typing import Any, Self

from mlpkit.reports import plots
from mlpkit.reports.evaluation import evaluate
from mlpkit.reports.report import PartitionReport


class PartitionReportDisplay:
    """Plot of a report: a dot and a confidence interval for each group, axes for each metric.

    Groups that are not eligible, because they have too few rows, are hollow grey dots. The dashed
    line marks the value over all rows.

    Parameters
    ----------
    report : PartitionReport
        The report to plot.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        The axes, after `plot`: one or as many as there are metrics.
    figure_ : matplotlib Figure
        The figure, after `plot`.

    Examples
    --------
    >>> y_true, y_pred = [0, 1, 1, 1], [0, 1, 0, 1]
    >>> display = PartitionReportDisplay.from_predictions(y_true, y_pred, metrics="accuracy")
    >>> display.ax_.get_xlabel()
    'accuracy'
    """

    ax_: Any
    figure_: Any

    def __init__(self, report: PartitionReport) -> None:
        self.report = report

    def plot(
        self, *, ax: Any = None, metrics: list[str] | None = None, by: str | list[str] | None = None
    ) -> Self:
        """Plot the report.

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
        PartitionReportDisplay
            The display itself.
        """
        self.ax_ = self.report.plot(ax=ax, metrics=metrics, by=by)
        first = self.ax_ if hasattr(self.ax_, "figure") else self.ax_[0]
        self.figure_ = first.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, ax: Any = None, **options: Any
    ) -> Self:
        """Evaluate an estimator and plot the report.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.
        X, y : array-like
            Rows and targets, as in `evaluate`.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to plot, one for each metric. None makes a new figure.
        **options
            Other arguments of `evaluate`, such as ``metrics`` and ``partitions``.

        Returns
        -------
        PartitionReportDisplay
        """
        return cls(evaluate(estimator, X, y, **options)).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any = None, *, X: Any = None, ax: Any = None, **options: Any
    ) -> Self:
        """Evaluate predictions and plot the report.

        Parameters
        ----------
        y_true : array-like
            Targets.
        y_pred : array-like or None, default=None
            Predictions, which may be omitted if ``y_proba`` is passed.
        X : array-like or None, default=None
            Rows, if partitions need them.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to plot, one for each metric. None makes a new figure.
        **options
            Other arguments of `evaluate`, such as ``metrics``, ``partitions`` and ``y_proba``.

        Returns
        -------
        PartitionReportDisplay
        """
        return cls(evaluate(None, X, y_true, y_pred=y_pred, **options)).plot(ax=ax)


class MetricHistoryDisplay:
    """Plot of a metric by epoch: axes for each split, a line for each group.

    Parameters
    ----------
    history : MetricHistory, DataFrame or dict
        The attribute `metric_history_` of an estimator, or a table with the columns epoch, split,
        metric, partitioner, partition and value.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        The axes, after `plot`: one or as many as there are splits.
    figure_ : matplotlib Figure
        The figure, after `plot`.

    Examples
    --------
    >>> history = {
    ...     "epoch": [1, 2],
    ...     "split": ["train", "train"],
    ...     "metric": ["recall", "recall"],
    ...     "partitioner": ["all", "all"],
    ...     "partition": ["all", "all"],
    ...     "value": [0.5, 0.75],
    ... }
    >>> MetricHistoryDisplay(history).plot("recall").ax_.get_ylabel()
    'recall'
    """

    ax_: Any
    figure_: Any

    def __init__(self, history: Any) -> None:
        self.history = history

    def plot(self, metric: str, by: str = "all", *, ax: Any = None) -> Self:
        """Plot one metric by the groups of one partitioner, and over all rows.

        Parameters
        ----------
        metric : str
            Name of the metric.
        by : str, default="all"
            Name of the partitioner.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to plot, one for each split. None makes a new figure.

        Returns
        -------
        MetricHistoryDisplay
            The display itself.
        """
        self.ax_ = plots.lines(self.history, metric, by, ax)
        first = self.ax_ if hasattr(self.ax_, "figure") else self.ax_[0]
        self.figure_ = first.figure
        return self
