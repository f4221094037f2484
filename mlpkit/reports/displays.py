"""Displays after scikit-learn's: a picture that is made from an estimator or predictions."""

from typing import Any, Self

from mlpkit.reports import plots as drawing
from mlpkit.reports.evaluation import evaluate
from mlpkit.reports.report import PartitionReport


class PartitionReportDisplay:
    """A dot and an interval for each group, an axes for each metric.

    ``ax_`` and ``figure_`` are there after `plot`. Hollow grey dots are groups that don't
    decide; the dashed line is the whole.
    """

    ax_: Any
    figure_: Any

    def __init__(self, report: PartitionReport) -> None:
        self.report = report

    def plot(
        self, *, ax: Any = None, metrics: list[str] | None = None, by: str | list[str] | None = None
    ) -> Self:
        """Draw, on ``ax`` if it is given: one axes, or as many as there are metrics."""
        self.ax_ = self.report.plot(ax=ax, metrics=metrics, by=by)
        first = self.ax_ if hasattr(self.ax_, "figure") else self.ax_[0]
        self.figure_ = first.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, ax: Any = None, **options: Any
    ) -> Self:
        """`mlpkit.evaluate` with these arguments, drawn."""
        return cls(evaluate(estimator, X, y, **options)).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any = None, *, X: Any = None, ax: Any = None, **options: Any
    ) -> Self:
        """`mlpkit.evaluate` of predictions, drawn; ``y_proba=`` and ``X=`` are optional."""
        return cls(evaluate(None, X, y_true, y_pred=y_pred, **options)).plot(ax=ax)


class MetricHistoryDisplay:
    """A metric by epoch, an axes for each split, a line for each group.

    ``history`` is an estimator's `metric_history_`, or its columns as a frame or a dict: epoch,
    split, metric, partitioner, partition, value.
    """

    ax_: Any
    figure_: Any

    def __init__(self, history: Any) -> None:
        self.history = history

    def plot(self, metric: str, by: str = "all", *, ax: Any = None) -> Self:
        """Draw one metric by the groups of one partitioner, beside the whole."""
        self.ax_ = drawing.lines(self.history, metric, by, ax)
        first = self.ax_ if hasattr(self.ax_, "figure") else self.ax_[0]
        self.figure_ = first.figure
        return self
