"""What a fit saves while it runs, so that it can be continued after it was killed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from mlpkit.plugin import Array, Arrays, Observer, Progress, Report
from mlpkit.training.epoch_observer import EpochObserver
from mlpkit.training.generators import generator_of


class SavedResult(NamedTuple):
    """The result of a complete fit, as a checkpoint contains it.

    Parameters
    ----------
    weights, optimizer_state : dict of ndarray
    progress : Progress
    reports : list of Report
    monitor : dict
        The state of the monitor.
    outputs : ndarray or None
        The outputs for the rows that were not trained on, as in `HeldOut`.
    """

    weights: Arrays
    optimizer_state: Arrays
    progress: Progress
    reports: list[Report]
    monitor: Mapping[str, Any]
    outputs: Array | None


class Checkpoint(Protocol):
    """Saves a fit, and continues it. A fit calls the methods in the order of their definition.

    Attributes
    ----------
    is_used : bool
        Whether the fit is saved.
    finished : SavedResult or None
        The result, if the saved fit is complete.
    training : dict or None
        What the trainer continues from, if the saved fit is not complete.
    """

    is_used: bool
    finished: SavedResult | None
    training: Mapping[str, Any] | None

    def check(self, section: str, describe: Callable[[], Mapping[str, Any]]) -> None:
        """Raise ValueError if a part of the description of the saved fit differs.

        ``describe()`` returns that of the present fit: plain values by name.
        """

    def generator(self, random_state: Any) -> np.random.RandomState:
        """The random generator of the fit, in the state in which the saved fit began."""

    def skip_to_end(self) -> None:
        """Set the generator to its state after the saved fit, which is complete."""

    def restore(self, observer: EpochObserver) -> None:
        """Restore the state of the observer and of the callbacks after the saved epochs."""

    def observed(self, observe: Observer, observer: EpochObserver) -> Observer:
        """``observe``, which also saves the epochs."""

    def finish(self, result: SavedResult) -> None:
        """Save the result of the fit."""

    def how_to_continue(self) -> str:
        """A sentence about how to continue after the time limit, after a space, or ""."""


class NoCheckpoint:
    """Saves nothing."""

    is_used = False
    finished: SavedResult | None = None
    training: Mapping[str, Any] | None = None

    def check(self, section: str, describe: Callable[[], Mapping[str, Any]]) -> None:
        """Do nothing."""

    def generator(self, random_state: Any) -> np.random.RandomState:
        """The generator of the parameter `random_state`."""
        return generator_of(random_state)

    def skip_to_end(self) -> None:
        """Not used: nothing was saved."""

    def restore(self, observer: EpochObserver) -> None:
        """Do nothing."""

    def observed(self, observe: Observer, observer: EpochObserver) -> Observer:
        """Return ``observe``."""
        return observe

    def finish(self, result: SavedResult) -> None:
        """Do nothing."""

    def how_to_continue(self) -> str:
        """Return "", since the fit cannot be continued."""
        return ""
