"""Batches of row indices for each epoch, shuffled like those of scikit-learn."""

from collections.abc import Sequence

import numpy as np

from mlpkit.objectives.schedules import factors
from mlpkit.plugin import Array, Batches, InvalidResult, Job, Progress, Recipe, Solver


class RowOrders:
    """The row indices of each epoch of a job, (n_steps, batch_size).

    Steps of several models consist of a part of equal size for each of them.

    Parameters
    ----------
    job : Job
    rows : sequence of ndarray or None, default=None
        The `rows` after an earlier epoch, from which the orders continue.

    Attributes
    ----------
    rows : list of ndarray
        The order of the rows of each model in the last epoch, from which the next one starts.
    """

    def __init__(self, job: Job, rows: Sequence[Array] | None = None) -> None:
        n_models = max(1, job.n_models)
        self.folds = job.folds or (np.arange(job.n_rows),) * n_models
        self.shape = (n_models,) if job.n_models else ()
        self.batch_size = min(job.recipe.batch_size, max(map(len, self.folds)))
        self.n_steps = max(-(-len(fold) // self.batch_size) for fold in self.folds)
        self.shuffle, self.rng = job.recipe.shuffle, job.rng
        if rows is None:
            rows = [np.arange(len(fold)) for fold in self.folds]
        self.rows = [np.asarray(order, np.int64) for order in rows]

    @property
    def compact(self) -> list[Array]:
        """The `rows` in the smallest of the usual dtypes, for a checkpoint."""
        return [rows.astype(np.min_scalar_type(-len(rows))) for rows in self.rows]

    def __iter__(self) -> "RowOrders":
        return self

    def __next__(self) -> Array:
        if self.shuffle:
            self.rows = [shuffled(rows, self.rng) for rows in self.rows]
        if not self.shape:
            return in_steps(self.rows[0], self.n_steps, self.batch_size)
        parts = [
            in_steps(fold[rows], self.n_steps, self.batch_size)
            for fold, rows in zip(self.folds, self.rows, strict=True)
        ]
        return np.stack(parts, axis=1).reshape(self.n_steps, -1)


def shuffled(rows: Array, rng: np.random.RandomState) -> Array:
    """The rows in a random order that starts from their present one, as in scikit-learn."""
    permutation = np.arange(len(rows))
    rng.shuffle(permutation)
    return rows[permutation]


def in_steps(rows: Array, n_steps: int, batch_size: int) -> Array:
    """The rows in steps, int of shape (n_steps, batch_size), padded with -1.

    >>> in_steps(np.arange(5), 3, 2)
    array([[ 0,  1],
           [ 2,  3],
           [ 4, -1]])
    """
    order = np.full(n_steps * batch_size, -1)
    order[: len(rows)] = rows
    return order.reshape(n_steps, batch_size)


def has_plan(recipe: Recipe) -> bool:
    """Whether a schedule spans the `max_iter` epochs of training."""
    others = (recipe.weight_decay_schedule, recipe.dropout_schedule)
    return callable(recipe.schedule) or any(schedule is not None for schedule in others)


def planned_progress(epoch: int, n_steps: int, n_epochs: int) -> Array:
    """The progress of training in the middle of each step of an epoch, which count from 1.

    >>> planned_progress(epoch=2, n_steps=2, n_epochs=2)
    array([0.625, 0.875])
    """
    return (epoch - 1 + (np.arange(n_steps) + 0.5) / n_steps) / n_epochs


def scheduled_batches(
    order: Array, progress: Progress, recipe: Recipe, seed: int, t: Array | None = None
) -> Batches:
    """The batches of an epoch, with the rates and a seed for each step.

    ``t`` is the progress of training at each step, for the schedules of the recipe; None stands
    for training without a planned end, in which they are constant.
    """
    step = progress.step + 1 + np.arange(len(order))
    learning_rates = _learning_rates(progress.learning_rate, step, recipe.solver)
    weight_decays = _weight_decays(progress.learning_rate, learning_rates, recipe, t)
    if t is not None and callable(recipe.schedule):
        learning_rates = learning_rates * factors(recipe.schedule, t, "learning_rate")
    dropout_factors = None
    if t is not None and recipe.dropout_schedule is not None:
        dropout_factors = factors(recipe.dropout_schedule, t, "dropout_schedule", largest=1.0)
    seeds = (seed + step * 0x9E3779B1).astype(np.uint32)
    return Batches(
        order,
        learning_rates,
        seeds,
        weight_decays=weight_decays,
        dropout_factors=dropout_factors,
    )


def _learning_rates(learning_rate: float, step: Array, solver: Solver) -> Array:
    """The learning rates of the solver at steps that count from 1, without a schedule."""
    if solver.learning_rate_at is None:
        return np.full(len(step), learning_rate)
    learning_rates = solver.learning_rate_at(learning_rate, step, solver.options)
    if getattr(learning_rates, "shape", None) != step.shape or not 0 <= learning_rates[-1] < np.inf:
        raise InvalidResult(
            f"`learning_rate_at` returned {learning_rates!r}; expected non-negative finite"
            f" learning rates of shape {step.shape}, one for each step.",
            "solver",
        )
    return learning_rates


def _weight_decays(
    learning_rate: float, learning_rates: Array, recipe: Recipe, t: Array | None
) -> Array | None:
    """The weight decays of the steps, which are multiplied by the learning rates before
    `Solver.learning_rate_at`; None if nothing decays.
    """
    strength = recipe.solver.weight_decay
    if strength == 0:
        return None
    ratio = np.ones(len(learning_rates))
    np.divide(learning_rate, learning_rates, out=ratio, where=learning_rates > 0)
    if t is not None and recipe.weight_decay_schedule is not None:
        ratio *= factors(recipe.weight_decay_schedule, t, "weight_decay_schedule")
    return strength * ratio
