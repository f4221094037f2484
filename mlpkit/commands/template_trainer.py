"""The template of a trainer: a minimal loop over epochs."""

TRAINER = '''
"""A trainer with shuffled batches and a constant learning rate, without early stopping."""

import time
from dataclasses import replace
from functools import partial

import numpy as np

from mlpkit.plugin import (
    Batches,
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
    recipe, solver = job.recipe, job.recipe.solver
    size = min(recipe.batch_size, job.n_rows)
    n_steps = -(-job.n_rows // size)
    if job.resumed is not None:
        state, progress = resumed_training(job)
    else:
        progress = replace(progress, epoch=0)
    last = job.passes or recipe.max_iter
    for epoch in range(progress.epoch + 1, last + 1):
        started = time.perf_counter()
        order = np.full(n_steps * size, -1)  # -1 is padding
        order[: job.n_rows] = job.rng.permutation(job.n_rows)
        step_numbers = np.arange(progress.step + 1, progress.step + n_steps + 1)
        learning_rates = np.full(n_steps, progress.learning_rate)
        if solver.learning_rate_at is not None:
            learning_rates = solver.learning_rate_at(
                progress.learning_rate, step_numbers, solver.options
            )
        seeds = job.rng.randint(2**31, size=n_steps).astype(np.uint32)
        state, sums = job.steps.epoch(
            state, job.rows, Batches(order.reshape(n_steps, size), learning_rates, seeds)
        )
        loss = float(np.mean((sums.loss + sums.penalty) / np.maximum(sums.weight, 1e-300)))
        progress = replace(
            progress,
            epoch=epoch,
            step=progress.step + n_steps,
            samples=progress.samples + job.n_rows,
            best_loss=min(loss, progress.best_loss),
        )
        seconds = time.perf_counter() - started
        report = Report(epoch, loss, None, progress.learning_rate, seconds)
        values = partial(training_values, job, state, progress)
        answer = observer(state, report._replace(checkpoint=values))
        if answer is True:
            break
        if isinstance(answer, float):
            progress = replace(progress, learning_rate=answer)
    return state, progress
'''
