"""A training loop in cycles of the learning rate, each longer than the one before."""

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.objectives.schedules import warmup
from mlpkit.plugin import Array, Arrays, Batches, Job, Observer, Progress, Report, Schedule, State
from mlpkit.training import loop
from mlpkit.training.batches import job_epochs, scheduled_batches


@dataclass(frozen=True)
class Cycles:
    """Train in cycles with a schedule of the learning rate that starts anew in each [1]_.

    A cycle starts from the weights at the end of the previous one. Training ends after
    `max_cycles`, or as soon as a cycle improves the validation score by less than `min_gain`. The
    weights of the epoch with the best score are kept; with several models (``n_folds``), each
    model has a best epoch of its own. The estimator's `max_iter` limits the epochs of all cycles
    together. If its `learning_rate` is a schedule, it is the schedule of each cycle; otherwise the
    schedule is a cosine after a linear warm-up. The schedules of the weight decay and of dropout
    also span a cycle.

    Parameters
    ----------
    first_cycle : int or None, default=None
        Number of epochs of the first cycle. None means as many as make `first_steps`, and at
        least `min_epochs`.
    first_steps : int, default=75
        Minimum number of steps of the first cycle, if `first_cycle` is None.
    min_epochs : int, default=3
        Minimum number of epochs of the first cycle, if `first_cycle` is None.
    growth : float, default=2.0
        The length of a cycle relative to the previous one.
    max_cycles : int, default=6
        Maximum number of cycles.
    min_gain : float, default=0.01
        The smallest relative improvement of the score in a cycle for which training continues.
    warmup : float, default=0.05
        Fraction of a cycle in which the learning rate rises linearly.
    eligible : float, default=0.4
        The last fraction of a cycle, from which the best epoch is chosen. Before it, the learning
        rate is high and the scores are noisy.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017, arXiv:1608.03983.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from mlpkit import Cycles, MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = MLPClassifier(trainer=Cycles(first_cycle=4, max_cycles=2), early_stopping_on="loss",
    ...                     random_state=0)
    >>> len(clf.fit(X / X.max(axis=0), y).loss_curve_)
    12
    """

    first_cycle: int | None = None
    first_steps: int = 75
    min_epochs: int = 3
    growth: float = 2.0
    max_cycles: int = 6
    min_gain: float = 0.01
    warmup: float = 0.05
    eligible: float = 0.4

    def lengths(self, n_steps: int, max_epochs: int) -> Iterator[int]:
        """Return the number of epochs of each cycle.

        Parameters
        ----------
        n_steps : int
            Number of steps of an epoch.
        max_epochs : int
            Maximum number of epochs of all cycles together.

        Yields
        ------
        int
            The number of epochs of a cycle.

        Examples
        --------
        >>> from mlpkit import Cycles
        >>> list(Cycles().lengths(n_steps=100, max_epochs=50))
        [3, 6, 12, 24]
        """
        length = self.first_cycle or max(self.min_epochs, math.ceil(self.first_steps / n_steps))
        left = max_epochs
        for cycle in range(self.max_cycles):
            if length > left and cycle:
                return
            yield min(length, left)
            left -= length
            length = math.ceil(length * self.growth)

    def __call__(
        self, job: Job, state: State, progress: Progress, observer: Observer
    ) -> tuple[State, Progress]:
        """Train as a `Trainer`."""
        if job.passes:  # one call of `partial_fit`, at a constant learning rate
            return loop.train(job, state, progress, observer)
        best = BestStates(job)
        progress = replace(progress, epoch=0)
        completed = state, progress
        orders = job_epochs(job)
        order = next(orders)
        try:
            for n_epochs in self.lengths(len(order), job.recipe.max_iter):
                before = best.score
                for epoch in range(n_epochs):
                    started = time.perf_counter()
                    t = (epoch + (np.arange(len(order)) + 0.5) / len(order)) / n_epochs
                    factors = self._schedule(job)(t)
                    batches = self._batches(job, order, progress, t)
                    state, sums = job.steps.epoch(state, job.rows, batches)
                    loss = loop.epoch_loss(sums, order)
                    has_diverged = not np.isfinite(loss) and not loop.is_finite(job, state)
                    if has_diverged and not best:
                        raise loop.divergence_error(progress.epoch + 1)
                    progress = replace(
                        progress,
                        epoch=progress.epoch + 1,
                        samples=progress.samples + job.n_rows,
                        step=progress.step + len(order),
                    )
                    shown = loop.averaged(job, state)
                    scores = None if job.score is None else job.score(shown)
                    if (epoch + 1) / n_epochs > 1 - self.eligible and scores is not None:
                        best.update(shown, scores)
                    score = None if scores is None else float(np.mean(scores))
                    progress = replace(
                        progress,
                        best_loss=min(progress.best_loss, loss),
                        best_score=best.score if best else progress.best_score,
                    )
                    report = Report(
                        progress.epoch,
                        loss,
                        score,
                        progress.learning_rate * float(np.mean(factors)),
                        time.perf_counter() - started,
                        _note(progress.epoch) if has_diverged else None,
                        predictions=loop.predictions_by_row(sums, order, job.n_rows),
                    )
                    decision = observer(shown, report)
                    if isinstance(decision, float):
                        progress = replace(progress, learning_rate=decision)
                    completed = state, progress
                    if has_diverged:
                        warnings.warn(_note(progress.epoch), ConvergenceWarning)
                    if has_diverged or decision is True:
                        return best.final(loop.averaged(job, state)), progress
                    order = next(orders)
                if not best.gained(before, self.min_gain):
                    break
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.")
            state, progress = completed
        if not best and not loop.is_finite(job, state):
            raise loop.divergence_error(progress.epoch)
        return best.final(loop.averaged(job, state)), progress

    def _batches(self, job: Job, order: Array, progress: Progress, t: Array) -> Batches:
        """The batches of an epoch whose steps are at these fractions of the cycle."""
        recipe = replace(job.recipe, schedule=self._schedule(job))
        batches = scheduled_batches(order, progress, recipe, job.seed, t)
        return batches._replace(with_predictions=job.with_predictions)

    def _schedule(self, job: Job) -> Schedule:
        """The schedule of the learning rate within a cycle."""
        schedule = job.recipe.schedule
        return schedule if callable(schedule) else warmup(self.warmup)


cycles = Cycles()


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
