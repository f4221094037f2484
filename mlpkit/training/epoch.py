"""One epoch of training: its steps, its loss and score, and what it reports."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.objectives.averaging import averages
from mlpkit.plugin import Array, Arrays, Job, Progress, Report, State, Steps, StepSums
from mlpkit.training.batches import RowOrders
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
    score : float or None
        The mean score of the models.
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
    score: float | None
    learning_rate: float
    has_diverged: bool
    started: float

    @property
    def is_cut(self) -> bool:
        """Whether the time limit ended it before its last step."""
        return len(self.order) < self.n_planned

    def counts(self, progress: Progress, n_rows: int) -> dict[str, Any]:
        """The counts of the progress after the epoch."""
        n_steps = len(self.order)
        return {
            "epoch": self.number,
            "samples": progress.samples + round(n_rows * n_steps / self.n_planned),
            "step": progress.step + n_steps,
        }

    def report(
        self,
        n_rows: int,
        note: str | None,
        checkpoint: Callable[[bool | float], Mapping[str, Any]] | None,
        is_last: bool,
    ) -> Report:
        """What the observer receives."""
        seconds = time.perf_counter() - self.started
        predictions = self.sums.predictions
        if self.is_cut:
            n_steps, n_planned = len(self.order), self.n_planned
            note = f"The time limit ended this epoch after {n_steps} of {n_planned} steps."
            if predictions is not None:
                predictions = predictions[:0].reshape(0, predictions.shape[-1])
        elif predictions is not None:
            predictions = predictions_by_row(predictions, self.order, n_rows)
        return Report(
            self.number,
            self.loss,
            self.score,
            self.learning_rate,
            seconds,
            note,
            predictions=predictions,
            checkpoint=checkpoint,
            is_last=is_last,
        )


class Epochs:
    """Trains the epochs of a job, one after the other.

    Parameters
    ----------
    job : Job
    rows : sequence of ndarray or None, default=None
        As in `RowOrders`.

    Attributes
    ----------
    orders : RowOrders
    one_by_one : bool
        Whether the backend is called for each epoch, also if nothing observes them.
    """

    def __init__(self, job: Job, rows: Sequence[Array] | None = None) -> None:
        self.job, self.orders, self.one_by_one = job, RowOrders(job, rows), False
        self._pace = Pace(job.deadline)

    def train(
        self, state: State, progress: Progress, t: Array | None, has_best: bool
    ) -> Epoch | None:
        """Train for one epoch.

        ``t`` is the progress of the schedules at each step, None without a planned end.
        ``has_best`` is whether an earlier epoch can be returned to; without one, raises ValueError
        if the weights become infinite or NaN.

        Returns None if the time limit allows no step, unless that would leave the initial weights.
        """
        started, number, job = time.perf_counter(), progress.epoch + 1, self.job
        order, n_rows = next(self.orders), self.orders.n_rows
        n_planned = len(order)
        batches, learning_rate = job.batches(order, progress, t)
        if job.with_predictions:
            batches = batches._replace(with_predictions=True)
        state, sums = self._pace.epoch(job, state, batches, may_skip=progress.epoch > 0)
        if sums is None:
            return None
        if len(sums.loss) < n_planned:
            order, n_rows = order[: len(sums.loss)], n_rows[: len(sums.loss)]
        loss = epoch_loss(sums, n_rows)
        has_diverged = not math.isfinite(loss) and not is_finite(job.steps, state)
        if has_diverged and not has_best:
            raise divergence_error(number)
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
            None if scores is None else float(np.mean(scores)),
            learning_rate,
            has_diverged,
            started,
        )


def epoch_loss(sums: StepSums, n_rows: Array) -> float:
    """The mean loss of the steps, weighted by their numbers of rows, as in scikit-learn.

    ``n_rows``, int of shape (n_steps,), counts rows of weight 0, too.
    """
    if len(n_rows) == 1:  # in a stream, calls of NumPy would take longer than this
        loss, w, penalty = (np.asarray(values).item() for values in sums[:3])
        n = n_rows.item()
        return (loss + penalty) / w * n / n if w > 0 else 0.0
    weight, weighted_rows = np.asarray(sums.weight), n_rows
    losses = np.asarray(sums.loss) + sums.penalty
    has_weight = weight > 0
    if np.count_nonzero(has_weight) < len(weight):
        weight, losses, weighted_rows = weight[has_weight], losses[has_weight], n_rows[has_weight]
    return float(np.add.reduce(losses / weight * weighted_rows) / np.add.reduce(n_rows))


def predictions_by_row(predictions: Array, order: Array, n_rows: int) -> Array:
    """Predictions of steps in the order of the rows, shape (n_rows, n_outputs)."""
    is_row = order >= 0  # not padding
    by_row = np.empty((n_rows, predictions.shape[-1]), predictions.dtype)
    by_row[order[is_row]] = predictions[is_row]
    return by_row


def is_finite(steps: Steps, state: State) -> bool:
    """Whether all weights are finite."""
    arrays = steps.arrays(state).values()
    if all(map(math.isfinite, map(np.vdot, arrays, arrays))):
        return True
    return all(np.count_nonzero(np.isfinite(a)) == a.size for a in arrays)  # squares overflow


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
