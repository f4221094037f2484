"""Metrics: per-row statistics, whose sums give a value for any set of rows.

Sums add up, so one metric serves batches, epochs, groups, workers, bootstrap samples and merged
reports::

    # mlpkit_cost.py, entry point: cost = "mlpkit_cost"
    from mlpkit.plugin import Component, Metric, hookimpl

    def costs(predictions):
        misses = predictions.y_true > predictions.y_pred
        return 5.0 * misses + 1.0 * (predictions.y_true < predictions.y_pred)

    def mean(sums):
        return sums[..., 1], sums[..., 0]

    def cost():
        return Metric("cost", ("binary",), False, row_statistics=costs, ratio=mean)

    @hookimpl
    def mlpkit_metrics():
        return [Component("cost", "mlpkit_cost:cost", "5 per miss, 1 per false alarm")]
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mlpkit.plugin.arrays import Array

#: The type of the targets.
Task = Literal["binary", "multiclass", "multilabel", "regression"]
#: The predictions that a metric needs.
PredictionKind = Literal["labels", "scores", "probabilities", "intervals"]


class Predictions(NamedTuple):
    """Rows with the predictions of a model; what is absent is None.

    Parameters
    ----------
    task : {"binary", "multiclass", "multilabel", "regression"}
        The type of the targets.
    classes : ndarray of shape (n_classes,) or None
        Class labels.
    y_true, y_pred : ndarray
        Targets and predictions: indices into `classes`, int of shape (n,); for multilabel
        targets bool of shape (n, n_labels); for regression float64 of shape (n, n_outputs).
    y_proba : ndarray of shape (n, n_classes) or (n, n_labels) or None, default=None
        Predicted probabilities.
    y_score : ndarray of shape (n,) or (n, n_classes) or None, default=None
        Values of a decision function.
    y_interval : ndarray of shape (n, 2) or None, default=None
        Lower and upper bounds of predicted intervals.
    """

    task: Task
    classes: Array | None
    y_true: Array
    y_pred: Array
    y_proba: Array | None = None
    y_score: Array | None = None
    y_interval: Array | None = None


class CellCounts(NamedTuple):
    """Per-row statistics that are mostly zero, such as the cells of a histogram.

    Parameters
    ----------
    codes : ndarray of shape (n,) or (n, j)
        The cells that each row adds to, int; -1 is none.
    cells : int
        Number of cells.
    values : ndarray of shape (n,) or None, default=None
        What each row adds; 1 if None.
    """

    codes: Array
    cells: int
    values: Array | None = None


@dataclass(frozen=True)
class Metric:
    """A metric that is computed from sums over rows, or from the rows themselves.

    The sums ``s`` have shape (..., 1 + k + q): the summed weight, the k sums of `row_statistics`
    and the q sums of squared `deviations`. Metrics with the same `row_statistics` share the sums.
    All functions are defined at module level (or are `functools.partial` of such functions), so
    that reports can be pickled.

    Parameters
    ----------
    name : str
        The name of the metric.
    tasks : tuple of str
        The types of targets that it supports.
    higher_is_better : bool or None
        None if neither direction is better.
    needs : {"labels", "scores", "probabilities", "intervals"}, default="labels"
        The kind of predictions that it is computed from.
    row_statistics : callable or None, default=None
        ``row_statistics(predictions)``: what each row adds to the sums before it is multiplied by
        its weight, of shape (n,), (n, k) or a `CellCounts`.
    deviations : callable or None, default=None
        ``deviations(predictions)``: columns (n, q) whose squared deviations from their weighted
        mean are summed too, without cancellation.
    ratio : callable or None, default=None
        ``ratio(s)``: numerator and denominator, both linear functions of the sums; 0/0 is NaN.
    value : callable or None, default=None
        ``value(s)``: any function of the sums.
    exact : callable or None, default=None
        ``exact(predictions, weights)``: a float computed from the rows of a group, for a metric
        that is not a function of sums. The rows are kept.
    interval : {"wilson", "normal", "bootstrap", "jackknife"}, callable or None, default=None
        The confidence interval. For a ratio, "wilson" (of counts) or "normal" (of any sums). For
        a value, "bootstrap" or a function ``(s, confidence) -> (low, high)`` of sums of shape
        (n_groups, 1 + k + q), whose weight is scaled to the effective number of rows, before
        classes are balanced. For an exact metric, "jackknife" or a function
        ``(predictions, weights, confidence) -> (low, high)``.
    min_rows : int, default=1
        The metric is NaN for a group with fewer rows.
    note : str, default=""
        A remark that is shown with the name, such as "from a histogram of 1000 bins".
    """

    name: str
    tasks: tuple[Task, ...]
    higher_is_better: bool | None
    needs: PredictionKind = "labels"
    row_statistics: Callable[[Predictions], Array | CellCounts] | None = None
    deviations: Callable[[Predictions], Array] | None = None
    ratio: Callable[[Array], tuple[Array, Array]] | None = None
    value: Callable[[Array], Array] | None = None
    exact: Callable[[Predictions, Array | None], float] | None = None
    interval: Callable[..., tuple[Any, Any]] | str | None = None
    min_rows: int = 1
    note: str = ""


class MetricValue(NamedTuple):
    """The value of a metric after one epoch, for one group of one set of rows.

    Parameters
    ----------
    epoch : int
        Number of the epoch.
    split : str
        "train", "validation", or the name of an evaluation set.
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value : float
        The value.
    n_rows : int
        Number of rows of the group.
    weight : float
        Summed weight of these rows.
    """

    epoch: int
    split: str
    metric: str
    partitioner: str
    partition: str
    value: float
    n_rows: int
    weight: float
