"""The template of a trainer: a minimal loop over epochs."""

TRAINER = '''
"""A trainer with shuffled batches and a constant learning rate, without early stopping."""

import time
from functools import partial

import numpy as np

from mlpkit.plugin import (
    Job,
    Observer,
    Progress,
    Report,
    State,
    resumed_training,
    training_values,
)


def $id(
    job: Job,
    state: State,
    progress: Progress,
    observer: Observer,
) -> tuple[State, Progress]:
    """Train, and call the observer after each epoch."""
    size = min(job.recipe.batch_size, job.n_rows)
    n_steps = -(-job.n_rows // size)
    if job.resumed is not None:
        state, progress = resumed_training(job)
    else:
        progress = progress._replace(epoch=0)
    last = job.passes or job.recipe.max_iter
    for epoch in range(progress.epoch + 1, last + 1):
        started = time.perf_counter()
        order = np.full(n_steps * size, -1)  # -1 is padding
        order[: job.n_rows] = job.rng.permutation(job.n_rows)
        batches, learning_rate = job.batches(order.reshape(n_steps, size), progress)
        state, sums = job.steps.epoch(state, job.rows, batches)
        loss = float(np.mean((sums.loss + sums.penalty) / np.maximum(sums.weight, 1e-300)))
        progress = progress._replace(
            epoch=epoch,
            step=progress.step + n_steps,
            samples=progress.samples + job.n_rows,
            best_loss=min(loss, progress.best_loss),
        )
        seconds = time.perf_counter() - started
        report = Report(epoch, loss, None, learning_rate, seconds)
        values = partial(training_values, job, state, progress)
        answer = observer(state, report._replace(checkpoint=values))
        if answer is True:
            break
        if isinstance(answer, float):
            progress = progress._replace(learning_rate=answer)
    return state, progress
'''
