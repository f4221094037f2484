"""What a fit reports to the callbacks of scikit-learn, and the tasks of a fit without them."""

from collections.abc import Callable
from typing import Any, Protocol

from mlpkit.plugin import Array, Dataset, Job, Observer, Progress, State

# the fitted attributes of an estimator after so many epochs with this state and progress
Attributes = Callable[[State, Progress, int], dict[str, Any]]


class Tasks(Protocol):
    """Reports a fit. Training calls the methods in the order in which they are defined."""

    def begin(self, n_epochs: int | None, rows: Dataset) -> None:
        """Begin a fit of at most ``n_epochs`` epochs on validated rows; None is any number."""

    def hold_out(self, kept: Array) -> None:
        """Train on these rows only."""

    def observed_job(self, job: Job, progress: Progress, attributes: Attributes) -> Job:
        """The job with steps that report the beginning of each epoch."""

    def observed(self, observer: Observer) -> Observer:
        """The observer, which also reports the end of each epoch."""

    def close(self) -> None:
        """End an epoch that was interrupted."""


class NoTasks:
    """Reports nothing."""

    def begin(self, n_epochs: int | None, rows: Dataset) -> None:
        """Do nothing."""

    def hold_out(self, kept: Array) -> None:
        """Do nothing."""

    def observed_job(self, job: Job, progress: Progress, attributes: Attributes) -> Job:
        """The job as it is."""
        return job

    def observed(self, observer: Observer) -> Observer:
        """The observer as it is."""
        return observer

    def close(self) -> None:
        """Do nothing."""
