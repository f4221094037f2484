"""From an estimator's parameters and the rows of a call to what is to be measured."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlpkit.data.targets import Labels, Values
from mlpkit.monitoring.drift import warn_of_drift
from mlpkit.monitoring.monitor import Asked
from mlpkit.monitoring.plan import Rows, plan_of
from mlpkit.monitoring.stream import Arrival, Stream, stream_of
from mlpkit.partitions.columns import column_names, labels_of
from mlpkit.plugin import Dataset

Encode = Callable[[str, Dataset], Dataset]  # checks rows as the training rows were checked


def asked_of(
    params: Mapping[str, Any],
    targets: Labels | Values,
    given: Dataset,
    data: Dataset,
    sets: Mapping[str, Dataset],
    encode: Encode,
    epochs: int,
) -> tuple[Asked, Dataset | None]:
    """What a fit is to measure, and the validation rows, if there are any.

    ``data`` are the training rows ``given``, checked, with their sample weights.
    """
    plan = plan_of(params, targets.task, targets.classes, given.X)
    train = plan.rows("train", data.X, data.y, data.sample_weight, sample_of(given, "y"))
    rows: list[Rows] = []
    validation = None
    for name, each in sets.items():
        found = encode(name, each)
        rows.append(plan.rows(name, found.X, found.y, found.sample_weight, sample_of(each, name)))
        validation = found if name == "validation" else validation
    warn_of_drift(data.X, {each.split: each.X for each in rows}, column_names(given.X))
    running = params["train_metrics"] == "running"
    return Asked(plan, train, tuple(rows), running, epochs), validation


def arrival_of(
    params: Mapping[str, Any],
    targets: Labels | Values,
    given: Dataset,
    data: Dataset,
    stream: Stream | None,
    calls: int,
) -> Arrival:
    """The measuring of a chunk of a stream; what a stream measures its first call settles."""
    if stream is None:
        plan = plan_of(params, targets.task, targets.classes, given.X)
        stream = stream_of(plan, params["metrics_window"])
    return Arrival(stream, data.X, data.y, data.sample_weight, sample_of(given, "y"), calls)


def sample_of(given: Dataset, what: str) -> Dataset:
    """Rows for partitioners, as the user gave them."""
    y = np.asarray(given.y)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    return Dataset(given.X, y, labels=labels_of(given.labels, len(y), what))
