"""What training requires of a monitor, and the monitor of a fit that measures nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from mlpkit.monitoring.history import MetricHistory
from mlpkit.plugin import Array, Groups, Metric, MetricValue, Report, State

# predictions for X in the form of encoded targets, (n, n_outputs)
Predict = Callable[[State, Any], Array]
PredictSet = Callable[[State], Array]  # the same of one set of rows


class Scorer(Protocol):
    """Computes the score of early stopping."""

    @property
    def split(self) -> str:
        """The rows that the score is computed on."""

    def score(self, state: State) -> float:
        """The score of a state, where higher is better."""

    def monitored(self, score: float) -> tuple[str, float]:
        """The name of the criterion and its value, for a score."""


class Resumable(Protocol):
    """The part of a monitor that a checkpoint saves."""

    @property
    def groups(self) -> Mapping[str, Mapping[str, Groups]]:
        """The groups of the rows of each set, by partitioner."""

    def get_state(self) -> dict[str, Any]:
        """What was measured so far, as plain values."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue after the epochs of this state."""


class Monitor(Protocol):
    """Measures a fit. Training calls the methods in the order in which they are defined."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that it computes."""

    @property
    def scorer(self) -> Scorer | None:
        """What early stopping uses instead of the loss or the score of the estimator, if any."""

    @property
    def resumable(self) -> Resumable | None:
        """What a checkpoint saves of this monitor; None if there is nothing to save."""

    @property
    def with_predictions(self) -> bool:
        """Whether it uses the predictions that are computed in the forward pass."""

    def hold_out(self, kept: Array, held: Array) -> None:
        """Use the training rows ``held`` for validation, and ``kept`` for training."""

    def predict_validation(self, predict: PredictSet) -> None:
        """Use this function for the predictions of the validation rows."""

    def begin(self, predict: Predict, state: State) -> None:
        """Prepare for measuring, with the state before training."""

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """Measure after an epoch; the result returns the values."""

    def history(self, n_epochs: int) -> MetricHistory:
        """The values of the first epochs of the fit."""

    @property
    def stream(self) -> Any:
        """What the next call of `partial_fit` continues from, or None."""

    def warn(self) -> None:
        """Warn of undefined values."""


class NoMonitor:
    """Measures nothing."""

    metrics: tuple[Metric, ...] = ()
    scorer = None
    resumable = None
    with_predictions = False
    stream = None

    def hold_out(self, kept: Array, held: Array) -> None:
        """Do nothing."""

    def predict_validation(self, predict: PredictSet) -> None:
        """Do nothing."""

    def begin(self, predict: Predict, state: State) -> None:
        """Do nothing."""

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """No values."""
        return tuple

    def history(self, n_epochs: int) -> MetricHistory:
        """No values."""
        return MetricHistory()

    def warn(self) -> None:
        """Do nothing."""


def state_of(monitor: Monitor) -> dict[str, Any]:
    """Return what a checkpoint saves of a monitor."""
    return {} if monitor.resumable is None else monitor.resumable.get_state()


def set_state(monitor: Monitor, state: Mapping[str, Any]) -> None:
    """Continue a monitor after the epochs of a state that `state_of` returned."""
    if monitor.resumable is not None:
        monitor.resumable.set_state(state)
