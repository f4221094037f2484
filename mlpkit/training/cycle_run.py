"""The epochs of one call of `Cycles`, and the best of them."""

import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.plugin import Arrays, Job, Observer, Progress, Report, Schedule, State
from mlpkit.training import loop
from mlpkit.training.batches import job_epochs, scheduled_batches


class CycleRun:
    """Trains epoch by epoch; `state` and `progress` are those after the last complete epoch.

    Parameters
    ----------
    job : Job
    state : State
        The state before training.
    progress : Progress
        What training continues from.
    schedule : Schedule
        The schedule of the learning rate within a cycle.
    """

    def __init__(self, job: Job, state: State, progress: Progress, schedule: Schedule) -> None:
        self.job, self.state, self.progress = job, state, replace(progress, epoch=0)
        self.recipe = replace(job.recipe, schedule=schedule)
        self.schedule, self.best = schedule, BestStates(job)
        self._orders = job_epochs(job)
        self._order = next(self._orders)

    @property
    def n_steps(self) -> int:
        """Number of steps of an epoch."""
        return len(self._order)

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
            If the weights become infinite or NaN, and there is no best epoch to return to.
        """
        started = time.perf_counter()
        job, order = self.job, self._order
        t = (n_before + (np.arange(len(order)) + 0.5) / len(order)) / n_epochs
        batches = scheduled_batches(order, self.progress, self.recipe, job.seed, t)
        batches = batches._replace(with_predictions=job.with_predictions)
        state, sums = job.steps.epoch(self.state, job.rows, batches)
        loss = loop.epoch_loss(sums, order)
        has_diverged = not np.isfinite(loss) and not loop.is_finite(job, state)
        number = self.progress.epoch + 1
        if has_diverged and not self.best:
            raise loop.divergence_error(number)
        scored = loop.averaged(job, state)
        scores = None if job.score is None else job.score(scored)
        if is_eligible and scores is not None:
            self.best.update(scored, scores)
        report = Report(
            number,
            loss,
            None if scores is None else float(np.mean(scores)),
            self.progress.learning_rate * float(np.mean(self.schedule(t))),
            time.perf_counter() - started,
            _note(number) if has_diverged else None,
            predictions=loop.predictions_by_row(sums, order, job.n_rows),
        )
        decision = observer(scored, report)
        self.state, self.progress = state, self._advanced(report, decision)
        if has_diverged:
            warnings.warn(_note(number), ConvergenceWarning)
        self._order = next(self._orders)
        return has_diverged or decision is True

    def _advanced(self, report: Report, decision: bool | float) -> Progress:
        """The progress after an epoch, with the learning rate that the observer returned."""
        progress = self.progress
        return replace(
            progress,
            epoch=report.epoch,
            samples=progress.samples + self.job.n_rows,
            step=progress.step + self.n_steps,
            best_loss=min(progress.best_loss, report.loss),
            best_score=self.best.score if self.best else progress.best_score,
            learning_rate=decision if isinstance(decision, float) else progress.learning_rate,
        )

    def result(self) -> tuple[State, Progress]:
        """The state with the weights of the best epoch, or of the last one without scores."""
        if not self.best and not loop.is_finite(self.job, self.state):
            raise loop.divergence_error(self.progress.epoch)
        return self.best.final(loop.averaged(self.job, self.state)), self.progress


def _note(epoch: int) -> str:
    return (
        f"The weights became non-finite in epoch {epoch}. Keeping the weights of the best epoch."
        " Stopping."
    )


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
        """Whether the score is better than before by this fraction, or there is no score."""
        if not self or before == -np.inf:
            return True
        return self.score - before >= min_gain * abs(before)

    def final(self, state: State) -> State:
        """The best state with the optimizer state of the last one; the last one without scores."""
        if self.state is None:
            return state
        arrays = self.arrays or self.job.steps.arrays(self.state)
        return self.job.steps.start({**arrays, **self.job.steps.optimizer_state(state)})
