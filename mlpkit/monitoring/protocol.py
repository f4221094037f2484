"""What training requires of a monitor, and the monitor of a fit that measures nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from mlpkit.monitoring.history import MetricHistory
from mlpkit.plugin import Array, Groups, Metric, MetricValue, Report, State

# predictions for X in the form of encoded targets, (n, n_outputs)
Predict = Callable[[State, Any], Array]
PredictSet = Callable[[State], Array]  # the same of one set of rows


class Monitor(Protocol):
    """Measures a fit. Training calls the methods in the order in which they are defined."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that it computes."""

    @property
    def scores(self) -> bool:
        """Whether early stopping uses the score of this monitor."""

    @property
    def scored_split(self) -> str:
        """The rows that the score is computed on; "" without early stopping."""

    @property
    def with_predictions(self) -> bool:
        """Whether it uses the predictions that are computed in the forward pass."""

    def hold_out(self, kept: Array, held: Array) -> None:
        """Use the training rows ``held`` for validation, and ``kept`` for training."""

    def predict_validation(self, predict: PredictSet) -> None:
        """Use this function for the predictions of the validation rows."""

    def begin(self, predict: Predict, state: State) -> None:
        """Prepare for measuring, with the state before training."""

    def score(self, state: State) -> float:
        """The value for early stopping, where higher is better."""

    def criterion(self, score: float) -> tuple[str, float] | None:
        """The name of the criterion of early stopping and its value, for a score."""

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """Measure after an epoch; the result returns the values."""

    def history(self, n_epochs: int) -> MetricHistory:
        """The values of the first epochs of the fit."""

    @property
    def stream(self) -> Any:
        """What the next call of `partial_fit` continues from, or None."""

    @property
    def groups(self) -> Mapping[str, Mapping[str, Groups]]:
        """The groups of the rows of each set, by partitioner."""

    def get_state(self) -> dict[str, Any]:
        """What was measured so far, as plain values."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue after the epochs of this state."""

    def warn(self) -> None:
        """Warn of undefined values."""


class NoMonitor:
    """Measures nothing."""

    metrics: tuple[Metric, ...] = ()
    scores = False
    scored_split = ""
    with_predictions = False
    stream = None

    def hold_out(self, kept: Array, held: Array) -> None:
        """Do nothing."""

    def predict_validation(self, predict: PredictSet) -> None:
        """Do nothing."""

    def begin(self, predict: Predict, state: State) -> None:
        """Do nothing."""

    def score(self, state: State) -> float:
        """Not used."""
        raise NotImplementedError

    def criterion(self, score: float) -> None:
        """No criterion."""

    def measure(self, state: State, report: Report) -> Callable[[], Iterable[MetricValue]]:
        """No values."""
        return tuple

    def history(self, n_epochs: int) -> MetricHistory:
        """No values."""
        return MetricHistory()

    @property
    def groups(self) -> dict[str, Any]:
        """No groups."""
        return {}

    def get_state(self) -> dict[str, Any]:
        """No state."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""

    def warn(self) -> None:
        """Do nothing."""
