"""One epoch of training: its steps, its loss and score, and what it reports."""

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mlpkit.objectives.averaging import averages
from mlpkit.objectives.schedules import factors
from mlpkit.plugin import Array, Arrays, Job, Progress, Report, State, Steps, StepSums
from mlpkit.training.batches import scheduled_batches
from mlpkit.training.time_limit import Pace


class Epoch(NamedTuple):
    """An epoch that was trained.

    Parameters
    ----------
    number : int
        Number of the epoch, from 1.
    order : ndarray of shape (n_steps, batch_size)
        The row indices of its steps.
    n_planned : int
        Number of steps of a complete epoch; there are fewer if the time limit ended this one.
    state : State
        The state after it.
    averaged : State
        The state with the averages of the weights in their place, if the recipe averages them.
    sums : StepSums
    loss : float
    scores : float or ndarray of shape (n_models,) or None
        What `Job.score` returned.
    learning_rate : float
        The mean learning rate of the schedule.
    has_diverged : bool
        Whether the weights became infinite or NaN.
    started : float
        When it began, in seconds of `time.perf_counter`.
    """

    number: int
    order: Array
    n_planned: int
    state: State
    averaged: State
    sums: StepSums
    loss: float
    scores: float | Array | None
    learning_rate: float
    has_diverged: bool
    started: float

    @property
    def score(self) -> float | None:
        """The score, the mean over models."""
        return None if self.scores is None else float(np.mean(self.scores))

    @property
    def is_cut(self) -> bool:
        """Whether the time limit ended it before its last step."""
        return len(self.order) < self.n_planned

    def advanced(self, progress: Progress, n_rows: int) -> Progress:
        """The progress with the counts after the epoch."""
        n_used = round(n_rows * len(self.order) / self.n_planned)
        return replace(
            progress,
            epoch=self.number,
            samples=progress.samples + n_used,
            step=progress.step + len(self.order),
        )

    def report(self, n_rows: int, note: str | None) -> Report:
        """What the observer receives."""
        seconds = time.perf_counter() - self.started
        if self.is_cut:
            n_steps, n_planned = len(self.order), self.n_planned
            note = f"The time limit ended this epoch after {n_steps} of {n_planned} steps."
        report = Report(self.number, self.loss, self.score, self.learning_rate, seconds, note)
        predictions = self.sums.predictions
        if predictions is not None and self.is_cut:
            return report._replace(predictions=predictions[:0].reshape(0, predictions.shape[-1]))
        return report._replace(predictions=predictions_by_row(self.sums, self.order, n_rows))


def run_epoch(
    job: Job,
    state: State,
    progress: Progress,
    order: Array,
    t: Array | None,
    has_best: bool,
    pace: Pace,
) -> Epoch | None:
    """Train for one epoch.

    ``t`` is the progress of the schedules at each step, None without a planned end. ``has_best``
    is whether an earlier epoch can be returned to; without one, raises ValueError if the weights
    become infinite or NaN.

    Returns None if the time limit allows no step, unless that would leave the initial weights.
    """
    started, number, recipe = time.perf_counter(), progress.epoch + 1, job.recipe
    batches = scheduled_batches(order, progress, recipe, job.seed, t)
    batches = batches._replace(with_predictions=job.with_predictions)
    state, sums = pace.epoch(job, state, batches, may_skip=progress.epoch > 0)
    if sums is None:
        return None
    n_planned, order = len(order), order[: len(sums.loss)]
    loss = epoch_loss(sums, order)
    has_diverged = not np.isfinite(loss) and not is_finite(job.steps, state)
    if has_diverged and not has_best:
        raise divergence_error(number)
    learning_rate = progress.learning_rate
    if t is not None and callable(recipe.schedule):
        learning_rate *= float(np.mean(factors(recipe.schedule, t, "learning_rate")))
    averaged = averaged_state(job, state)
    scores = None if job.score is None else job.score(averaged)
    return Epoch(
        number,
        order,
        n_planned,
        state,
        averaged,
        sums,
        loss,
        scores,
        learning_rate,
        has_diverged,
        started,
    )


def epoch_loss(sums: StepSums, order: Array) -> float:
    """The mean loss of the steps, weighted by their numbers of rows, as in scikit-learn."""
    rows = np.count_nonzero(order >= 0, axis=1)
    weighted = np.asarray(sums.weight) > 0
    losses = (np.asarray(sums.loss) + sums.penalty)[weighted] / np.asarray(sums.weight)[weighted]
    return float((losses * rows[weighted]).sum() / rows.sum())


def predictions_by_row(sums: StepSums, order: Array, n_rows: int) -> Array | None:
    """The predictions of the epoch in the order of the rows, shape (n_rows, n_outputs), if any."""
    if sums.predictions is None:
        return None
    is_row = order >= 0  # not padding
    predictions = np.empty((n_rows, sums.predictions.shape[-1]), sums.predictions.dtype)
    predictions[order[is_row]] = sums.predictions[is_row]
    return predictions


def is_finite(steps: Steps, state: State) -> bool:
    """Whether all weights are finite."""
    return all(np.isfinite(a).all() for a in steps.arrays(state).values())


def divergence_error(epoch: int) -> ValueError:
    """The error for weights that became infinite or NaN."""
    return ValueError(
        "Solver produced non-finite parameter weights. The input data may contain large"
        f" values and need to be preprocessed. The weights became non-finite in epoch {epoch}."
        " Scale X (for example with StandardScaler) and, for regression, y; or try a smaller"
        " learning_rate_init or a larger alpha."
    )


def divergence_note(epoch: int) -> str:
    """The note of an epoch in which training diverged, if there is a best epoch to return to."""
    return (
        f"The weights became non-finite in epoch {epoch}. Keeping the weights of the best epoch."
        " Stopping."
    )


def divergence_warning(epoch: int) -> str:
    """The warning about weights that became infinite or NaN after the best epoch."""
    return f"{divergence_error(epoch)} The weights of the best epoch are kept."


def with_weights(steps: Steps, state: State, weights: Arrays) -> State:
    """The state with other weights and the same optimizer state."""
    return steps.start({**weights, **steps.optimizer_state(state)})


def averaged_state(job: Job, state: State) -> State:
    """The state with the averages of the weights in their place, if the recipe averages them."""
    decay, steps = job.recipe.average_decay, job.steps
    if decay is None:
        return state
    arrays, optimizer_state = steps.arrays(state), steps.optimizer_state(state)
    trained = {name: a for name, a in arrays.items() if name not in job.frozen}
    return steps.start({**arrays, **averages(trained, optimizer_state, decay), **optimizer_state})
