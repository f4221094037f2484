"""The monitor that the parameters and the arguments of a call require."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mlpkit.data.targets import Targets
from mlpkit.monitoring.protocol import Monitor, NoMonitor
from mlpkit.plugin import Dataset
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters

STREAM = ("metrics", "partitions", "metrics_window")  # a change of these begins a new stream


class MeasuredRows(NamedTuple):
    """The rows of a call that metrics are computed on.

    ``passed`` are the training rows as the user passed them, ``train`` as they are used, with
    sample weights; ``sets`` has both forms of each evaluation set.
    """

    passed: Dataset
    train: Dataset
    sets: Mapping[str, tuple[Dataset, Dataset]]


class EarlierCalls(NamedTuple):
    """What earlier calls left: the number of their epochs, and the stream of `partial_fit`."""

    n_epochs: int
    stream: Any


def monitor_of(
    parameters: Parameters,
    changes: Mapping[str, Any],
    network: FittedNetwork,
    targets: Targets,
    rows: MeasuredRows,
    earlier: EarlierCalls,
    incremental: bool,
) -> Monitor:
    """The monitor; it measures nothing unless metrics, groups or evaluation sets are given."""
    requested = parameters.metrics, parameters.partitions, parameters.early_stopping_on
    network_metrics = network.structure.metrics
    if not rows.sets and not network_metrics and all(value is None for value in requested):
        return NoMonitor()
    from mlpkit.monitoring import planning  # imports the metrics

    stream = earlier.stream
    if incremental and stream is not None and not any(name in changes for name in STREAM):
        return planning.stream_monitor(stream, rows.passed, rows.train, 0, earlier.n_epochs)
    plan = planning.plan_of(*requested, network_metrics, targets, rows.passed.X)
    if incremental:
        window = parameters.metrics_window
        return planning.stream_monitor(plan, rows.passed, rows.train, window, earlier.n_epochs)
    running = parameters.train_metrics == "running"
    return planning.epoch_monitor(
        plan, rows.passed, rows.train, rows.sets, running, earlier.n_epochs
    )
