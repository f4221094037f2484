"""From parameters and rows to the monitor of a fit or of one call of `partial_fit`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.data.tables import column_names
from mlpkit.data.targets import Targets
from mlpkit.metrics.arguments import metric_of, metrics_of
from mlpkit.monitoring.criteria import criterion_of
from mlpkit.monitoring.drift import warn_of_drift
from mlpkit.monitoring.epochs import EpochMonitor
from mlpkit.monitoring.plan import MetricPlan
from mlpkit.monitoring.stream import Stream, StreamMonitor, stream_of
from mlpkit.partitions.arguments import arguments_of, partitioners_of
from mlpkit.partitions.columns import labels_of
from mlpkit.plugin import Dataset, Metric, PredictionKind

AVAILABLE: tuple[PredictionKind, ...] = ("labels", "scores", "probabilities")


def plan_of(
    metrics: Any,
    partitions: Any,
    early_stopping_on: Any,
    network_metrics: Sequence[Metric],
    targets: Targets,
    column_names: Sequence[Any] | None,
) -> MetricPlan:
    """The plan for the parameters of an estimator, for X with these names of columns, or none.

    Raises ValueError for unknown components, for metrics that do not fit the task, and for a
    criterion that cannot be used.
    """
    criterion = None if early_stopping_on is None else criterion_of(early_stopping_on)
    name = criterion.metric if criterion is not None else ""
    if metrics is None and name:
        metrics = [name]
    only_network = metrics is None and network_metrics
    planned = [] if only_network else metrics_of(metrics, targets.task, AVAILABLE)
    planned += [m for m in network_metrics if m.name not in [p.name for p in planned]]
    if name and name not in [m.name for m in planned]:
        planned += metrics_of([metric_of(name)], targets.task, AVAILABLE)
    partitioners = partitioners_of(partitions, column_names)
    known = column_names or ()
    columns = tuple(a for a in arguments_of(partitions) if isinstance(a, str) and a in known)
    if criterion is not None:
        criterion.check(planned, [p.name for p in partitioners])
    return MetricPlan(
        targets.task, targets.classes, tuple(planned), tuple(partitioners), {}, criterion, columns
    )


def epoch_monitor(
    plan: MetricPlan,
    rows: Dataset,
    train: Dataset,
    sets: Mapping[str, tuple[Dataset, Dataset]],
    running: bool,
    n_earlier: int,
) -> EpochMonitor:
    """The monitor of a fit.

    ``rows`` are the training rows as the user passed them and ``train`` as they are used, with
    sample weights; ``sets`` has both for each evaluation set. ``n_earlier`` is the number of
    epochs before the fit.
    """
    grouped = {"train": _with_groups(plan, rows, train, "y")}
    for name, (passed, encoded) in sets.items():
        grouped[name] = _with_groups(plan, passed, encoded, name)
    return EpochMonitor(plan, grouped, running, n_earlier)


def warn_of_differences(
    rows: Dataset, train: Dataset, sets: Mapping[str, tuple[Dataset, Dataset]]
) -> None:
    """Warn of evaluation sets that were probably not transformed like the training rows.

    The arguments are those of `epoch_monitor`.
    """
    others = {name: encoded.X for name, (_, encoded) in sets.items()}
    warn_of_drift(train.X, others, column_names(rows.X))


def stream_monitor(
    plan: MetricPlan | Stream, rows: Dataset, train: Dataset, window: int, n_earlier: int
) -> StreamMonitor:
    """The monitor of one call of `partial_fit`, which begins or continues a stream."""
    stream = plan if isinstance(plan, Stream) else stream_of(plan, window)
    return StreamMonitor(stream, train, _as_passed(rows, "y"), n_earlier)


def _with_groups(plan: MetricPlan, rows: Dataset, encoded: Dataset, name: str) -> Dataset:
    groups = plan.groups_of(_as_passed(rows, name), len(encoded.y))
    return encoded._replace(groups=groups)


def _as_passed(rows: Dataset, name: str) -> Dataset:
    """Rows for partitioners, with their labels checked."""
    y = np.asarray(rows.y)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    return Dataset(rows.X, y, labels=labels_of(rows.labels, len(y), name))
