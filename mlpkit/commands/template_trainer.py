"""The text of a new trainer: the barest loop over epochs."""

TRAINER = '''
"""A loop over epochs: shuffled batches, a constant rate, no early end."""

import time
from dataclasses import replace

import numpy as np

from mlpkit.plugin import Batches, Job, Progress, Report, State, Watch


def $id(job: Job, state: State, progress: Progress, watch: Watch) -> tuple[State, Progress]:
    """Train, and tell the watch of every epoch."""
    recipe, solver = job.recipe, job.recipe.solver
    size = min(recipe.batch_size, job.n_rows)
    n_steps = -(-job.n_rows // size)
    for epoch in range(1, (job.passes or recipe.max_iter) + 1):
        started = time.perf_counter()
        order = np.full(n_steps * size, -1)  # -1 is padding
        order[: job.n_rows] = job.rng.permutation(job.n_rows)
        numbers = np.arange(progress.step + 1, progress.step + n_steps + 1)
        rates = np.full(n_steps, progress.rate)
        if solver.rate_at is not None:
            rates = rates * 0 + solver.rate_at(progress.rate, numbers, solver.options)
        seeds = job.rng.randint(2**31, size=n_steps).astype(np.uint32)
        state, sums = job.steps.epoch(
            state, job.rows, Batches(order.reshape(n_steps, size), rates, seeds)
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
        answer = watch(state, Report(epoch, loss, None, progress.rate, seconds))
        if answer is True:
            break
        if isinstance(answer, float):
            progress = replace(progress, rate=answer)
    return state, progress
'''
