"""Batches of row indices for each epoch, shuffled like those of scikit-learn."""

from collections.abc import Iterator

import numpy as np

from mlpkit.plugin import Array, Batches, InvalidResult, Job, Progress, Recipe


def epochs(
    n_rows: int, batch_size: int, shuffle: bool, rng: np.random.RandomState
) -> Iterator[Array]:
    """Yield the row indices of each epoch: int64 of shape (n_steps, batch_size), padded with -1.

    >>> next(epochs(5, 2, False, np.random.RandomState(0)))
    array([[ 0,  1],
           [ 2,  3],
           [ 4, -1]])
    """
    n_steps = -(-n_rows // batch_size)
    rows = np.arange(n_rows)
    while True:
        if shuffle:  # starting from the order of the previous epoch, as scikit-learn does
            permutation = np.arange(n_rows)
            rng.shuffle(permutation)
            rows = rows[permutation]
        order = np.full(n_steps * batch_size, -1)
        order[:n_rows] = rows
        yield order.reshape(n_steps, batch_size)


def job_epochs(job: Job) -> Iterator[Array]:
    """Yield the row indices of each epoch of a job, (n_steps, batch_size).

    Steps of several models consist of a part of equal size for each of them.
    """
    n_models = max(1, job.n_models)
    folds = job.folds or (np.arange(job.n_rows),) * n_models
    batch_size = min(job.recipe.batch_size, max(map(len, folds)))
    orders = [epochs(len(f), batch_size, job.recipe.shuffle, job.rng) for f in folds]
    if not job.n_models:
        yield from orders[0]
    for parts in zip(*orders, strict=True):
        n_steps = max(map(len, parts))
        order = np.full((n_steps, n_models, batch_size), -1)
        for model, (part, fold) in enumerate(zip(parts, folds, strict=True)):
            order[: len(part), model] = np.where(part >= 0, fold[part], -1)
        yield order.reshape(n_steps, n_models * batch_size)


def scheduled_batches(order: Array, progress: Progress, recipe: Recipe, seed: int) -> Batches:
    """The batches of an epoch, with a learning rate and a seed for each step."""
    step = progress.step + 1 + np.arange(len(order))
    solver = recipe.solver
    if solver.learning_rate_at is None:
        learning_rates = np.full(len(order), progress.learning_rate)
    else:
        learning_rates = solver.learning_rate_at(progress.learning_rate, step, solver.options)
        if (
            getattr(learning_rates, "shape", None) != step.shape
            or not 0 <= learning_rates[-1] < np.inf
        ):
            raise InvalidResult(
                f"`learning_rate_at` returned {learning_rates!r}; expected non-negative finite"
                f" learning rates of shape {step.shape}, one for each step.",
                "solver",
            )
    weight_decays = None
    if (
        solver.weight_decay > 0
    ):  # they are multiplied by the learning rate before `learning_rate_at`
        ratio = np.ones(len(order))
        np.divide(progress.learning_rate, learning_rates, out=ratio, where=learning_rates > 0)
        weight_decays = solver.weight_decay * ratio
    seeds = (seed + step * 0x9E3779B1).astype(np.uint32)
    return Batches(order, learning_rates, seeds, weight_decays=weight_decays)
