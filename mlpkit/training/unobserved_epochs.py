"""Epochs that nothing observes, trained in one call of the backend.

Whatever the number of its steps, a call takes tens of microseconds: on small data, as long as an
epoch.
"""

import math
import time

import numpy as np

from mlpkit.plugin import Progress, State, StepSums
from mlpkit.training.batches import has_plan
from mlpkit.training.epoch import Epoch, Epochs, averaged_state, epoch_loss

MOST_EPOCHS = 16  # of a call, so that an interrupt of the user loses little
MOST_ROWS = 1 << 15  # of a call: the steps of more rows take much longer than the call itself


def n_unobserved(epochs: Epochs, progress: Progress, last: int) -> int:
    """The number of epochs, at least 1, until something may depend on their results.

    That is the last epoch, or the first one that may end training or reduce the learning rate.
    """
    job, recipe = epochs.job, epochs.job.recipe
    is_observed = epochs.one_by_one or job.observed or job.score is not None
    has_schedule = has_plan(recipe) or (recipe.solver.scheduled and recipe.schedule == "invscaling")
    if is_observed or has_schedule:
        return 1
    until_plateau = recipe.n_iter_no_change + 1 - progress.no_improvement_count
    most = MOST_ROWS // (job.n_rows * max(1, job.n_models))
    return max(1, int(min(MOST_EPOCHS, until_plateau, last - progress.epoch, most)))


def unobserved_epochs(
    epochs: Epochs, state: State, progress: Progress, n: int
) -> list[Epoch] | None:
    """Train for n epochs, which all have the state after the last one.

    Returns None, without any training, if a loss is infinite or NaN: then the epoch in which the
    weights became so is found by training the epochs one by one, from now on.
    """
    job, n_rows, n_steps = epochs.job, epochs.orders.n_rows, epochs.orders.n_steps
    began = time.perf_counter()
    orders = [next(epochs.orders) for _ in range(n)]
    batches, learning_rate = job.batches(np.concatenate(orders), progress)
    state, sums = job.steps.epoch(state, job.rows, batches)
    parts = [slice(i * n_steps, (i + 1) * n_steps) for i in range(n)]
    sums_by_epoch = [StepSums(sums.loss[s], sums.weight[s], sums.penalty[s]) for s in parts]
    losses = [epoch_loss(part, n_rows) for part in sums_by_epoch]
    if not all(map(math.isfinite, losses)):
        epochs.orders.give_back(orders)
        epochs.one_by_one = True
        return None
    averaged = averaged_state(job, state)
    now = time.perf_counter()
    return [
        Epoch(
            number,
            order,
            n_steps,
            state,
            averaged,
            part,
            loss,
            scores=None,
            score=None,
            learning_rate=learning_rate,
            has_diverged=False,
            started=now - (now - began) / n,
        )
        for number, (order, part, loss) in enumerate(
            zip(orders, sums_by_epoch, losses, strict=True), progress.epoch + 1
        )
    ]
