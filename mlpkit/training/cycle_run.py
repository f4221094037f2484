"""The epochs of one call of `Cycles`, and the best of them."""

import warnings
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.plugin import Arrays, Job, Observer, Progress, Schedule, State
from mlpkit.training.batches import job_epochs, planned_progress
from mlpkit.training.epoch import (
    Epoch,
    divergence_error,
    divergence_note,
    divergence_warning,
    is_finite,
    run_epoch,
    with_weights,
)


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

    Attributes
    ----------
    best : BestStates
        The best epoch, or the best of each model.
    n_steps : int
        Number of steps of an epoch.
    """

    def __init__(self, job: Job, state: State, progress: Progress, schedule: Schedule) -> None:
        self.job = job._replace(recipe=replace(job.recipe, schedule=schedule))
        self.best = BestStates(job)
        # after the last complete epoch
        self._state, self._averaged, self._progress = state, state, replace(progress, epoch=0)
        orders = job_epochs(job)
        first = next(orders)
        self.n_steps = len(first)
        self._orders = chain([first], orders)

    def epoch(self, n_before: int, n_epochs: int, is_eligible: bool, observer: Observer) -> bool:
        """Train for one epoch, and return whether training ends.

        Parameters
        ----------
        n_before, n_epochs : int
            Number of epochs of the cycle before this one, and of the whole cycle.
        is_eligible : bool
            Whether this may be the best epoch.
        observer : Observer
            What is called after the epoch.

        Raises
        ------
        ValueError
            If the weights become infinite or NaN before any epoch has a score.
        """
        job, order = self.job, next(self._orders)
        t = planned_progress(n_before + 1, len(order), n_epochs)
        epoch = run_epoch(job, self._state, self._progress, order, t, has_best=bool(self.best))
        if is_eligible and epoch.scores is not None:
            self.best.update(epoch.averaged, epoch.scores)
        note = divergence_note(epoch.number) if epoch.has_diverged else None
        decision = observer(epoch.averaged, epoch.report(job.n_rows, note))
        progress = self._advanced(epoch, decision)
        self._state, self._averaged, self._progress = epoch.state, epoch.averaged, progress
        if epoch.has_diverged:
            warnings.warn(divergence_warning(epoch.number), ConvergenceWarning)
        return epoch.has_diverged or decision is True

    def _advanced(self, epoch: Epoch, decision: bool | float) -> Progress:
        """The progress after an epoch, with the learning rate that the observer returned."""
        progress = epoch.advanced(self._progress, self.job.n_rows)
        return replace(
            progress,
            best_loss=min(progress.best_loss, epoch.loss),
            best_score=self.best.score if self.best else progress.best_score,
            learning_rate=decision if isinstance(decision, float) else progress.learning_rate,
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
        """The mean of the best scores; minus infinity if there is none."""
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

    def gained(self, before: float, min_gain: float) -> bool:
        """Whether the score improved by this fraction. True if there are no scores."""
        if not self or before == -np.inf:
            return True
        return self.score - before >= min_gain * abs(before)

    def final(self, state: State) -> State:
        """The best state with the optimizer state of the last one; the last one without scores."""
        if self.state is None:
            return state
        arrays = self.arrays or self.job.steps.arrays(self.state)
        return with_weights(self.job.steps, state, arrays)
