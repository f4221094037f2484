"""The epochs of one call of `Cycles`, and the best of them."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.plugin import (
    Arrays,
    Job,
    Observer,
    Progress,
    Schedule,
    State,
    resumed_training,
    training_values,
)
from mlpkit.training.batches import EpochBatches, planned_progress
from mlpkit.training.epoch import (
    Epoch,
    Epochs,
    averaged_state,
    divergence_error,
    divergence_note,
    divergence_warning,
    is_finite,
    with_weights,
)


class Place(NamedTuple):
    """The place of an epoch in the cycles.

    Parameters
    ----------
    n_before, n_epochs : int
        Number of epochs of the cycle before this one, and of the whole cycle.
    in_last_cycle : bool
        Whether no other cycle follows.
    """

    n_before: int
    n_epochs: int
    in_last_cycle: bool

    @property
    def ends_cycle(self) -> bool:
        """Whether it is the last epoch of its cycle."""
        return self.n_before + 1 == self.n_epochs

    def is_eligible(self, fraction: float) -> bool:
        """Whether it is in the last fraction of its cycle."""
        return (self.n_before + 1) / self.n_epochs > 1 - fraction


class CycleRun:
    """Trains epoch by epoch, and keeps the best of them.

    Parameters
    ----------
    job : Job
    state : State
        The state before training.
    progress : Progress
        What training continues from.
    schedule : Schedule
        The schedule of the learning rate within a cycle.
    eligible, min_gain : float
        As in `Cycles`.

    Attributes
    ----------
    best : BestStates
        The best epoch, or the best of each model.
    n_steps : int
        Number of steps of an epoch.
    """

    def __init__(
        self,
        job: Job,
        state: State,
        progress: Progress,
        schedule: Schedule,
        eligible: float,
        min_gain: float,
    ) -> None:
        recipe = replace(job.recipe, schedule=schedule)
        self.job = job._replace(recipe=recipe, batches=EpochBatches(recipe, job.seed))
        self.eligible, self.min_gain = eligible, min_gain
        self.best = BestStates(job)
        self._before = -np.inf  # the best score before the cycle
        # after the last complete epoch
        self._state, self._averaged, self._progress = state, state, progress
        rows = None
        if job.resumed is not None:
            self._state, self._progress = resumed_training(job)
            self._averaged = averaged_state(job, self._state)
            rows, self._before = job.resumed["rows"], job.resumed["before"]
            self.best.restore(job.resumed["best"])
        self._epochs = Epochs(self.job, rows)
        self.n_steps = self._epochs.orders.n_steps

    @property
    def n_done(self) -> int:
        """Number of complete epochs."""
        return self._progress.epoch

    def epoch(self, place: Place, observer: Observer) -> bool:
        """Train for one epoch, and return whether training ends.

        Parameters
        ----------
        place : Place
            The place of the epoch in the cycles.
        observer : Observer
            What is called after the epoch.

        Raises
        ------
        ValueError
            If the weights become infinite or NaN before any epoch has a score.
        """
        if place.n_before == 0:
            self._before = self.best.score
        t = planned_progress(place.n_before + 1, self.n_steps, place.n_epochs)
        epoch = self._epochs.train(self._state, self._progress, t, has_best=bool(self.best))
        if epoch is None:
            self.interrupt()
            return True
        if place.is_eligible(self.eligible) and epoch.scores is not None:
            self.best.update(epoch.averaged, epoch.scores)
        note = divergence_note(epoch.number) if epoch.has_diverged else None
        ends = (
            epoch.has_diverged or epoch.is_cut or (place.ends_cycle and not self._continues(place))
        )
        report = epoch.report(self.job.n_rows, note, partial(self._values, epoch), ends)
        decision = observer(epoch.averaged, report)
        self._progress = self._advanced(epoch, decision)
        self._state, self._averaged = epoch.state, epoch.averaged
        if epoch.has_diverged:
            warnings.warn(divergence_warning(epoch.number), ConvergenceWarning)
        return ends or decision is True

    def _continues(self, place: Place) -> bool:
        """Whether another cycle follows the one that ends."""
        return not place.in_last_cycle and self.best.gained(self._before, self.min_gain)

    def _values(self, epoch: Epoch, answer: bool | float) -> dict[str, Any]:
        """The values of `Report.checkpoint`."""
        values = training_values(self.job, epoch.state, self._advanced(epoch, answer))
        best = self.best.values()
        return {**values, "rows": self._epochs.orders.compact, "before": self._before, "best": best}

    def interrupt(self) -> None:
        """Note that training was interrupted."""
        self._progress = self._progress._replace(interrupted=True)

    def _advanced(self, epoch: Epoch, decision: bool | float) -> Progress:
        """The progress after an epoch, with the learning rate that the observer returned."""
        progress = self._progress
        return progress._replace(
            **epoch.counts(progress, self.job.n_rows),
            best_loss=min(progress.best_loss, epoch.loss),
            best_score=self.best.score if self.best else progress.best_score,
            learning_rate=decision if isinstance(decision, float) else progress.learning_rate,
            interrupted=epoch.is_cut,
        )

    def result(self) -> tuple[State, Progress]:
        """The state with the weights of the best epoch, or of the last one without scores."""
        if not self.best and not is_finite(self.job.steps, self._averaged):
            raise divergence_error(self._progress.epoch)
        return self.best.final(self._averaged), self._progress


class BestStates:
    """The state with the best score, or the best state of each of several models."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.scores: Any = np.full(job.n_models, -np.inf) if job.n_models else -np.inf
        self.state: State = None
        self.arrays: Arrays = {}

    def __bool__(self) -> bool:
        return bool(np.isfinite(self.scores).all())

    @property
    def score(self) -> float:
        """The mean of the best scores; minus infinity without scores."""
        return float(np.mean(self.scores))

    def update(self, state: State, scores: Any) -> None:
        """Keep the state, or the models in it, if the scores are better."""
        better = np.asarray(scores) > self.scores
        if not better.any():
            return
        if better.ndim == 0 or better.all() or self.state is None:
            self.state, self.arrays = state, {}
        else:
            arrays = self.job.steps.arrays(state)
            kept = self.arrays or self.job.steps.arrays(self.state)
            self.arrays = {
                name: np.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, kept[name])
                for name, a in arrays.items()
            }
        self.scores = np.where(better, scores, self.scores)

    def values(self) -> dict[str, Any]:
        """The best scores and weights as plain values."""
        arrays = self.arrays or (None if self.state is None else self.job.steps.arrays(self.state))
        return {"scores": self.scores, "weights": arrays}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Restore what `values` returned."""
        self.scores, weights = values["scores"], values["weights"]
        if weights is not None:
            self.state = self.job.steps.start(weights)

    def gained(self, before: float, min_gain: float) -> bool:
        """Whether the score improved by this fraction; always True without scores."""
        if not self or before == -np.inf:
            return True
        return self.score - before >= min_gain * abs(before)

    def final(self, state: State) -> State:
        """The best state with the optimizer state of the last one; the last one without scores."""
        if self.state is None:
            return state
        arrays = self.arrays or self.job.steps.arrays(self.state)
        return with_weights(self.job.steps, state, arrays)
