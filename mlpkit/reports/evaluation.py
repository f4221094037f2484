"""Metrics of any fitted estimator, or of plain predictions, over all rows and by group."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length

from mlpkit.messages import escaped, plain_repr
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.lookup import implied_task, metrics_of
from mlpkit.partitions.columns import labels_of
from mlpkit.partitions.lookup import grouped, partitioners_of
from mlpkit.plugin import Array, Dataset, Task
from mlpkit.reports.estimates import Settings
from mlpkit.reports.predictors import Predictor, sample_of
from mlpkit.reports.report import PartitionReport

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
    classes: Any = None,
    task: Task | None = None,
    confidence: float | None = None,
    min_rows: int = 20,
    draws: int = 1000,
    random_state: int = 0,
) -> PartitionReport:
    """Metrics over all rows and by group, as a `PartitionReport`.

    Parameters
    ----------
    estimator : any fitted estimator with scikit-learn's interface, or None with ``y_pred``,
        ``y_proba`` (n, n_classes) or (n,) of the positive class, or ``y_score`` (n,).
    X, y : rows and targets; X may be None where no partition needs it. Or, without y, an
        iterable of chunks, each a tuple (X, y) or (X, y, sample_weight), a dict of such
        arguments, or a `Chunk`: they are evaluated one by one and not kept, unless a metric
        says that it is exact.
    metrics : names (``mlpkit plugins`` lists them), `mlpkit.plugin.Metric` records,
        scikit-learn's functions, or a dict of them by the name they shall have.
    partitions : columns of X by name or index, and partitioners. They learn their groups
        from these rows (from the first chunk, where chunks can't be joined).
    sample_weight : (n,), or "balanced", which is short for the class_weight.
    class_weight : "balanced" weighs the classes within each group by n / (n_classes *
        count), as `compute_sample_weight("balanced", y_of_the_group)`; it multiplies.
    labels : dict or frame of columns (n,) for `by_labels("name")`.
    classes : all classes, where the first chunk may lack some.
    task : what the targets are, where they don't tell: whole numbers that are predicted
        as such are classes, unless the estimator or all the metrics are for regression.
    confidence : of the intervals, as 0.95; None gives none. See `mlpkit.metrics.intervals`.
    min_rows : of a group that may decide.
    draws, random_state : number and seed of bootstrap draws.

    >>> from mlpkit import by_labels
    >>> sex = np.array(["f", "f", "m", "m"])
    >>> report = evaluate(None, None, [0, 1, 0, 1], y_pred=[0, 1, 1, 1], metrics="accuracy",
    ...                   partitions=by_labels(sex, name="sex"), min_rows=1)
    >>> report["accuracy"], report.worst("accuracy").partition
    (0.75, 'm')
    """
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(f"confidence={plain_repr(confidence)} is between 0 and 1, as 0.95.")
    settings = Settings(confidence, min_rows, draws, random_state)
    balanced = class_weight == "balanced"
    if isinstance(sample_weight, str):
        if sample_weight != "balanced":
            raise ValueError(f"sample_weight={sample_weight!r}; possible: an array, 'balanced'.")
        sample_weight, balanced = None, True
    if class_weight not in (None, "balanced"):
        raise ValueError(f"class_weight={class_weight!r}; possible: 'balanced', None.")
    if y is None and _is_stream(X):
        chunks: Iterable[Dataset] = map(_chunk, X)
    else:
        beside = labels_of(labels, 0 if y is None else len(np.asarray(y)))
        chunks = [Dataset(X, y, sample_weight, beside, y_pred, y_proba, y_score)]
    work = _Work(estimator, metrics, partitions, classes, task, balanced, settings)
    for chunk in chunks:
        work.add(chunk)
    return work.report()


class _Work:
    """What is settled by the first chunk, and the sums so far."""

    def __init__(
        self,
        estimator: Any,
        metrics: Any,
        partitions: Any,
        classes: Any,
        task: Task | None,
        balanced: bool,
        settings: Settings,
    ) -> None:
        self.given = estimator, metrics, partitions, classes, task
        self.balanced, self.settings = balanced, settings
        self.cuts: dict[str, Any] = {}
        self.seen: Accumulator | None = None

    def start(self, first: Dataset) -> Accumulator:
        estimator, metrics, partitions, classes, task = self.given
        if estimator is None and task is None:
            task = implied_task(metrics)
        self.predictor = Predictor(estimator, first, classes, task)
        assert self.predictor.task is not None
        found = metrics_of(metrics, self.predictor.task, self.predictor.available)
        self.needs = {m.needs for m in found}
        self.partitioners = partitioners_of(partitions, first.X)
        intervals = self.settings.confidence is not None
        return Accumulator(found, balanced=self.balanced, intervals=intervals)

    def add(self, chunk: Dataset) -> None:
        if chunk.y is None:
            raise ValueError("evaluate needs y.")
        check_consistent_length(chunk.X, chunk.y, chunk.sample_weight)
        if not len(np.asarray(chunk.y)):
            return
        if self.seen is None:
            self.seen = self.start(chunk)
        scored = self.predictor.scored(chunk, self.needs)
        groups = grouped(self.partitioners, self.cuts, sample_of(chunk, scored), len(scored.y_true))
        self.seen.update(scored, groups, checked(chunk.sample_weight))

    def report(self) -> PartitionReport:
        if self.seen is None:
            raise ValueError("there are no rows to evaluate.")
        report = PartitionReport(self.seen, self.partitioners, self.cuts, self.settings)
        warn_of_undefined(report)
        return report


def checked(weight: Any) -> Array | None:
    """Sample weights, float64 (n,), none negative, not all 0."""
    if weight is None:
        return None
    found = np.asarray(weight, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"sample_weight has the shape {found.shape}; wanted one weight a row.")
    if not np.isfinite(found).all() or (found < 0).any():
        raise ValueError("sample_weight has negative, infinite or missing values.")
    return found


def warn_of_undefined(report: PartitionReport) -> None:
    """One warning for all values that are NaN although their group has rows."""
    undefined = [e for e in report.entries if e.n_rows and np.isnan(e.value)]
    if undefined:
        e, reasons = undefined[0], report.errors
        why = f" ({escaped(reasons[e.metric])})" if e.metric in reasons else ""
        warnings.warn(
            f"{escaped(e.metric)} is undefined for {escaped(e.partitioner)} {e.partition!r}{why}"
            f"{f', and {len(undefined) - 1} other values are' if undefined[1:] else ''}: NaN,"
            " which decides nothing.",
            UndefinedMetricWarning,
            stacklevel=3,
        )


def _is_stream(X: Any) -> bool:
    """An iterable of chunks, and not a table."""
    return not hasattr(X, "shape") and isinstance(X, Iterable) and not isinstance(X, Mapping | str)


def _chunk(part: Any) -> Dataset:
    """One part of a stream."""
    if isinstance(part, Dataset):
        return part
    if isinstance(part, Mapping):
        if unknown := sorted(set(part) - set(Dataset._fields)):
            raise ValueError(f"a chunk has no {unknown[0]!r}; it has {', '.join(Dataset._fields)}.")
        return Dataset(**{"X": None, "y": None, **part})
    if isinstance(part, tuple) and len(part) in (2, 3):
        return Dataset(*part)
    raise ValueError(
        "without y, X is an iterable of chunks, each (X, y), (X, y, sample_weight) or a dict;"
        f" this one holds a {type(part).__name__}. For data in memory give y."
    )
