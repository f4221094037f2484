"""Choice of the monitor for a call of `fit` or `partial_fit`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mlpkit.data.tables import column_names
from mlpkit.data.targets import Targets
from mlpkit.monitoring.protocol import Monitor
from mlpkit.plugin import Dataset
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import LOSS, Parameters

STREAM = ("metrics", "partitions", "metrics_window")  # a changed value starts a new stream


class MeasuredRows(NamedTuple):
    """The rows of a call on which the metrics are computed.

    ``passed`` are the training rows as passed by the user, ``train`` are the validated rows with
    encoded targets and without class weights; ``sets`` has both forms of each evaluation set.
    ``are_encoded`` is whether an encoder of the estimator made the validated rows.
    """

    passed: Dataset
    train: Dataset
    sets: Mapping[str, tuple[Dataset, Dataset]]
    are_encoded: bool = False


class EarlierCalls(NamedTuple):
    """The number of epochs of earlier calls, and the stream of earlier `partial_fit` calls."""

    n_epochs: int
    stream: Any


def measures(parameters: Parameters, network: FittedNetwork, sets: Mapping[str, Dataset]) -> bool:
    """Whether a call measures anything beside the loss: it has metrics, partitions or sets."""
    if sets or network.structure.metrics or parameters.early_stopping_on not in (None, LOSS):
        return True
    return parameters.metrics is not None or parameters.partitions is not None


def monitor_of(
    parameters: Parameters,
    changes: Mapping[str, Any],
    network: FittedNetwork,
    targets: Targets,
    rows: MeasuredRows,
    earlier: EarlierCalls,
    incremental: bool,
) -> Monitor:
    """Return the monitor of a call that `measures`."""
    criterion = parameters.early_stopping_on
    requested = parameters.metrics, parameters.partitions, None if criterion == LOSS else criterion
    from mlpkit.monitoring import planning  # imports the metrics

    stream = earlier.stream
    if incremental and stream is not None and not any(name in changes for name in STREAM):
        return planning.stream_monitor(stream, rows.passed, rows.train, 0, earlier.n_epochs)
    names = column_names(rows.passed.X)
    plan = planning.plan_of(*requested, network.structure.metrics, targets, names)
    if incremental:
        window = parameters.metrics_window
        return planning.stream_monitor(plan, rows.passed, rows.train, window, earlier.n_epochs)
    running = parameters.train_metrics == "running"
    if not rows.are_encoded:  # else the encoder transforms all of them alike
        planning.warn_of_differences(rows.passed, rows.train, rows.sets)
    return planning.epoch_monitor(
        plan, rows.passed, rows.train, rows.sets, running, earlier.n_epochs
    )
