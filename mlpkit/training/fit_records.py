"""What a fit works on, and what it returns."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.data.targets import Targets
from mlpkit.distributed.groups import group_of
from mlpkit.monitoring.protocol import Monitor, NoMonitor
from mlpkit.plugin import Array, Dataset, Group, Progress, Recipe, Report
from mlpkit.training.checkpoint import Checkpoint
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.selection import Selection
from mlpkit.training.tasks import Tasks
from mlpkit.training.time_limit import TimeLimit


class FitInputs(NamedTuple):
    """What a fit works on, in addition to the network and the parameters.

    Parameters
    ----------
    rows : Dataset
        Validated rows, with the targets as the user passed them.
    data : Dataset
        The rows with encoded targets (n_samples, n_outputs) and with class weights applied.
    targets : Targets
        The fitted encoder of the targets.
    selection : Selection
        The recipe and the components.
    rng : RandomState
    progress : Progress
        What training continues from.
    monitor : Monitor
    tasks : Tasks
    validation : Dataset or None
        Rows for early stopping; None holds out some of the training rows.
    passes : int
        As in `Job`.
    predicts_held_out : bool
        Whether the result should have predictions of the validation rows.
    checkpoint : Checkpoint
        What saves the fit, and continues it.
    time_limit : TimeLimit
    attributes_of : callable
        ``attributes_of(result)``: the attributes of an estimator with this result, for the
        callbacks of scikit-learn.
    """

    rows: Dataset
    data: Dataset
    targets: Targets
    selection: Selection
    rng: np.random.RandomState
    progress: Progress
    monitor: Monitor
    tasks: Tasks
    validation: Dataset | None
    passes: int
    predicts_held_out: bool
    checkpoint: Checkpoint
    time_limit: TimeLimit
    attributes_of: "Callable[[FitResult], dict[str, Any]]"

    @property
    def group(self) -> Group:
        """The processes that have the training rows."""
        return group_of(self.data.X)

    @property
    def needs_each_epoch(self) -> bool:
        """Whether metrics, a checkpoint, a time limit or other processes depend on each epoch."""
        is_limited = self.time_limit.deadline is not None
        has_metrics = not isinstance(self.monitor, NoMonitor)
        return is_limited or has_metrics or self.checkpoint.is_used or self.group.size > 1

    @property
    def recipe(self) -> Recipe:
        """How the network is trained."""
        return self.selection.recipe


class HeldOut(NamedTuple):
    """Rows that were not trained on, with their predictions after training.

    Parameters
    ----------
    rows : Dataset
        With encoded targets.
    outputs : ndarray of shape (n, n_network_outputs)
        Activated outputs of the network, of which `Targets.predictions` makes predictions. Of
        several models, each row has the outputs of the model that was not trained on it.
    out_of_fold : bool
        Whether these are all training rows, in their order.
    """

    rows: Dataset
    outputs: Array
    out_of_fold: bool


class FitResult(NamedTuple):
    """What a fit returns.

    Parameters
    ----------
    network : FittedNetwork
        The trained network.
    progress : Progress
        What the next call continues from.
    reports : list of Report
        The reports of the epochs.
    monitor : Monitor
        What measured the epochs.
    has_steps : bool
        Whether the solver works in steps. Otherwise the loss is the lowest one.
    held_out : HeldOut or None, default=None
        Rows that were not trained on, if their predictions were requested.
    """

    network: FittedNetwork
    progress: Progress
    reports: list[Report]
    monitor: Monitor
    has_steps: bool
    held_out: HeldOut | None = None
