"""Metrics of any fitted estimator, or of plain predictions, over all rows and by group."""

from typing import Any, Literal

import numpy as np
from sklearn.utils import check_consistent_length

from mlpkit.calibration.conformal import checked_coverage
from mlpkit.data.cluster_rows import local
from mlpkit.data.row_sources import RowSource, dataset_of, in_memory
from mlpkit.data.tables import check_targets_present, column_names
from mlpkit.messages import plain_repr
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import REMEDIES, implied_task, metrics_of
from mlpkit.metrics.calibration_sums import CalibrationSums
from mlpkit.partitions.arguments import partitioners_of
from mlpkit.partitions.fitting import fit_and_assign
from mlpkit.plugin import Dataset, Task
from mlpkit.reports.calibration import Calibration
from mlpkit.reports.chunks import chunks_of
from mlpkit.reports.estimates import ReportOptions
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.permutation import IMPORTANCE, N_REPEATS, ShuffledRows
from mlpkit.reports.predictors import Predictor, validated_weight, with_errors
from mlpkit.reports.report import PartitionReport
from mlpkit.reports.shuffled_columns import feature_groups

Balanced = Literal["balanced"]


def evaluate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    metrics: Any = None,
    partitions: Any = (),
    sample_weight: Any = None,
    class_weight: Balanced | None = None,
    labels: Any = None,
    y_pred: Any = None,
    y_proba: Any = None,
    y_score: Any = None,
    y_interval: Any = None,
    coverage: float = 0.9,
    classes: Any = None,
    task: Task | None = None,
    confidence: float | None = None,
    min_rows: int = 20,
    draws: int = 1000,
    random_state: int = 0,
    importance: bool = False,
    calibration: bool = False,
) -> PartitionReport:
    """Evaluate metrics over all rows and by group.

    Parameters
    ----------
    estimator : estimator or None
        Any fitted estimator with scikit-learn's interface. None evaluates the predictions that
        are passed as ``y_pred``, ``y_proba`` or ``y_score``.
    X : array-like, sparse matrix, frame, scan, iterable or None
        Rows of shape (n_samples, n_features), or an `mlpkit.scan` of files with targets, weights
        and labels, which is read part by part. None is accepted if neither the estimator nor the
        partitions need them. Without ``y``, an iterable of chunks, each a tuple ``(X, y)`` or
        ``(X, y, sample_weight)``, a dict of arguments, or a `Dataset`. Chunks are evaluated one
        after the other; their rows are kept only if a metric is computed from rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs) or None, default=None
        Targets. None if ``X`` is an iterable of chunks.
    metrics : str, Metric, callable, list or dict of these, or None, default=None
        Names of metrics, which ``mlpkit plugins`` lists, `mlpkit.plugin.Metric` records, or
        functions such as scikit-learn's. A dict renames metrics. None means the default metrics of
        the task.
    partitions : str, int, callable, Partitioner or sequence of these, default=()
        Names or indices of columns of ``X``, functions of ``X``, or partitioners. They are fitted
        to these rows; those whose fitted groups cannot be merged are fitted to the first chunk.
    sample_weight : array-like of shape (n_samples,), "balanced" or None, default=None
        Weights of the rows. "balanced" is the same as ``class_weight="balanced"``.
    class_weight : "balanced" or None, default=None
        "balanced" multiplies the weight of a row by n_rows / (n_classes * rows of its class),
        counted within each group, as ``compute_sample_weight("balanced", y_of_the_group)`` does.
    labels : dict or frame of columns of shape (n_samples,), default=None
        Columns that ``X`` does not contain, for ``by_labels("name")``.
    y_pred : array-like or None, default=None
        Predictions, in the form of ``y``.
    y_proba : array-like or None, default=None
        Predicted probabilities of shape (n_samples, n_classes), or (n_samples,) for the positive
        class.
    y_score : array-like or None, default=None
        Values of a decision function.
    y_interval : array-like of shape (n_samples, 2) or None, default=None
        Lower and upper bounds of predicted intervals.
    coverage : float, default=0.9
        The probability that is requested of ``estimator.predict_interval(X, coverage)``, for the
        metrics "interval_coverage" and "interval_width".
    classes : array-like or None, default=None
        All classes, if the first chunk may not contain each of them.
    task : {"binary", "multiclass", "multilabel", "regression"} or None, default=None
        The type of the targets. If None, it is derived from the estimator, the targets and the
        predictions. Whole numbers with whole predictions are classes, unless the estimator or all
        metrics are for regression.
    confidence : float or None, default=None
        Confidence of the intervals, such as 0.95. None computes no intervals. Each interval is
        for one metric and group alone.
    min_rows : int, default=20
        Minimum number of rows of an eligible group. Other groups are shown but ignored by
        `PartitionReport.worst`, `difference`, `ratio` and `check`.
    draws : int, default=1000
        Number of bootstrap draws.
    random_state : int, default=0
        Seed of the bootstrap, and of the shuffles for the importance.
    importance : bool, default=False
        Whether to measure the importance of the columns of ``X``, see `feature_importance`, by the
        first of the ``metrics`` that has a better direction. The report contains it as
        `PartitionReport.importance` and shows it. It requires an estimator and data in memory, to
        which the rows of a scan are read.
    calibration : bool, default=False
        Whether to compare predictions with targets: probabilities with frequencies, and predicted
        numbers with observed ones, in bins of similar predictions and by group. The report
        contains it as `PartitionReport.calibration`. A classifier needs probabilities.

    Returns
    -------
    PartitionReport
        The values by metric and group.

    Raises
    ------
    ValueError
        If an argument is invalid, or if a requested metric does not support the task or needs
        predictions that are not available.

    Examples
    --------
    >>> from mlpkit import by_labels
    >>> sex = np.array(["f", "f", "m", "m"])
    >>> report = evaluate(None, None, [0, 1, 0, 1], y_pred=[0, 1, 1, 1], metrics="accuracy",
    ...                   partitions=by_labels(sex, name="sex"), min_rows=1)
    >>> report["accuracy"], report.worst("accuracy").partition
    (0.75, 'm')
    """
    options = _checked_options(confidence, min_rows, draws, random_state)
    sample_weight, balanced = _weighting(sample_weight, class_weight)
    passed = Dataset(X, y, sample_weight, labels, y_pred, y_proba, y_score, y_interval)
    chunks = chunks_of(_available(passed, importance))
    if importance and (estimator is None or not isinstance(chunks, list)):
        raise ValueError(
            "importance=True requires an estimator, X and y. For an iterable of chunks, pass the"
            " rows of one of them to mlpkit.feature_importance."
        )
    coverage = checked_coverage(coverage)
    evaluation = _Evaluation(
        estimator, metrics, partitions, classes, task, coverage, balanced, options, calibration
    )
    for chunk in chunks:
        evaluation.add(chunk)
    report = evaluation.report()
    if importance:
        report.importance = evaluation.importance(next(iter(chunks)))
    return report


def _available(rows: Dataset, importance: bool) -> Dataset:
    """The rows in this process or in files; in memory, if the importance is measured."""
    if importance and isinstance(rows.X, RowSource):
        return in_memory(dataset_of(*rows[:4]), IMPORTANCE)
    return Dataset(*local(**rows._asdict()))


def _checked_options(
    confidence: float | None, min_rows: int, draws: int, random_state: int
) -> ReportOptions:
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(
            f"confidence must be between 0 and 1, for example 0.95, got {plain_repr(confidence)}."
        )
    return ReportOptions(confidence, min_rows, draws, random_state)


def _weighting(sample_weight: Any, class_weight: Any) -> tuple[Any, bool]:
    """The weights of rows, and whether the classes are balanced within each group."""
    if class_weight not in (None, "balanced"):
        raise ValueError(f"class_weight must be 'balanced' or None, got {class_weight!r}.")
    if not isinstance(sample_weight, str):
        return sample_weight, class_weight == "balanced"
    if sample_weight != "balanced":
        raise ValueError(
            f"sample_weight must be an array, 'balanced' or None, got {sample_weight!r}."
        )
    return None, True


class _Evaluation:
    """The state of an evaluation; the first chunk determines task, metrics and partitioners."""

    def __init__(
        self,
        estimator: Any,
        metrics: Any,
        partitions: Any,
        classes: Any,
        task: Task | None,
        coverage: float,
        balanced: bool,
        options: ReportOptions,
        calibration: bool,
    ) -> None:
        self.calibration = CalibrationSums() if calibration else None
        self.estimator, self.metrics, self.partitions = estimator, metrics, partitions
        self.classes, self.task, self.coverage = classes, task, coverage
        self.balanced, self.options = balanced, options
        self.fitted: dict[str, Any] = {}
        self.accumulator: Accumulator | None = None

    def start(self, first: Dataset) -> Accumulator:
        task = self.task
        if self.estimator is None and task is None:
            task = implied_task(self.metrics)
        self.predictor = Predictor(self.estimator, first, self.classes, task, self.coverage)
        assert self.predictor.task is not None
        records = metrics_of(self.metrics, self.predictor.task, self.predictor.available)
        self.needs = {m.needs for m in records}
        if self.calibration is not None and self.predictor.task != "regression":
            if "probabilities" not in self.predictor.available:
                raise ValueError(
                    f"calibration=True needs probabilities. {REMEDIES['probabilities']}"
                )
            self.needs.add("probabilities")
        self.partitioners = partitioners_of(self.partitions, column_names(first.X))
        intervals = self.options.confidence is not None
        return Accumulator(records, balanced=self.balanced, intervals=intervals)

    def add(self, chunk: Dataset) -> None:
        if chunk.y is None:
            raise ValueError("evaluate needs y, got y=None.")
        check_consistent_length(chunk.X, chunk.y, chunk.sample_weight)
        check_targets_present(chunk.y)
        if not len(np.asarray(chunk.y)):
            return
        if self.accumulator is None:
            self.accumulator = self.start(chunk)
        predictions = self.predictor.predictions(chunk, self.needs)
        dataset, n_rows = with_errors(chunk, predictions), len(predictions.y_true)
        groups = fit_and_assign(self.partitioners, self.fitted, dataset, n_rows)
        weight = validated_weight(chunk.sample_weight)
        self.accumulator.update(predictions, groups, weight)
        if self.calibration is not None:
            self.calibration.update(predictions, groups, weight)

    def report(self) -> PartitionReport:
        if self.accumulator is None:
            raise ValueError("evaluate needs at least one row, got none.")
        report = PartitionReport(self.accumulator, self.partitioners, self.fitted, self.options)
        if self.calibration is not None and self.predictor.task is not None:
            coverage = self.coverage if "intervals" in self.needs else None
            report.calibration = Calibration(
                self.calibration, self.predictor.task, self.options.confidence, coverage
            )
        report.warn_of_undefined()
        return report

    def importance(self, rows: Dataset) -> FeatureImportance:
        """The importance of the columns of the rows that were added, in the same groups."""
        assert self.accumulator is not None
        records = [] if self.metrics is None else self.accumulator.metrics
        metric = next((m for m in records if m.higher_is_better is not None), None)
        rows = rows._replace(sample_weight=validated_weight(rows.sample_weight))
        measured = ShuffledRows(
            self.predictor, rows, metric, self.partitioners, self.fitted, self.balanced
        )
        features = feature_groups(rows.X, None)
        return measured.importance(features, N_REPEATS, self.options.random_state)
