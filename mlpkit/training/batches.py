"""Batches of row indices for each epoch, shuffled like those of scikit-learn."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from mlpkit.objectives.schedules import factors
from mlpkit.plugin import Array, Batches, InvalidResult, Job, Progress, Recipe, Solver

MAX_AHEAD = 1024  # number of steps whose values are computed at once
SHUFFLED_ROWS = 1 << 18  # number of indices that are shuffled at once
SEED_STEP = 0x9E3779B1  # difference between the seeds of consecutive steps


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
    n_steps : int
        Number of steps of an epoch.
    n_rows : ndarray of shape (n_steps,)
        Number of rows of each step, in all models.
    """

    def __init__(self, job: Job, rows: Sequence[Array] | None = None) -> None:
        self.n_models, self.folds = job.n_models, job.folds
        lengths = [job.n_rows] * max(1, job.n_models)
        if job.folds is not None:
            lengths = [len(fold) for fold in job.folds]
        self.batch_size = min(job.recipe.batch_size, max(lengths))
        self.n_steps = -(-max(lengths) // self.batch_size)
        counts = (rows_of_steps(n, self.n_steps, self.batch_size) for n in lengths)
        self.n_rows = reduce(np.add, counts)
        self.shuffle, self.rng = job.recipe.shuffle, job.rng
        if rows is None:
            self.rows = [np.arange(n, dtype=np.int64) for n in lengths]
        else:
            self.rows = [np.asarray(order, np.int64) for order in rows]
        self._returned: list[Array] = []

    @property
    def compact(self) -> list[Array]:
        """The `rows` in the smallest of the usual dtypes, for a checkpoint."""
        return [rows.astype(np.min_scalar_type(-len(rows))) for rows in self.rows]

    def __iter__(self) -> "RowOrders":
        return self

    def give_back(self, orders: Iterable[Array]) -> None:
        """Return these orders, which were not used, before new ones."""
        self._returned += orders

    def __next__(self) -> Array:
        if self._returned:
            return self._returned.pop(0)
        if self.shuffle:
            self.rows = [shuffled(rows, self.rng) for rows in self.rows]
        if not self.n_models:
            return in_steps(self.rows[0], self.n_steps, self.batch_size)
        rows = self.rows
        if self.folds is not None:
            rows = [fold[order] for fold, order in zip(self.folds, rows, strict=True)]
        parts = [in_steps(part, self.n_steps, self.batch_size) for part in rows]
        return np.stack(parts, axis=1).reshape(self.n_steps, -1)


def shuffled(rows: Array, rng: np.random.RandomState) -> Array:
    """The rows in a random order that starts from their present one, as in scikit-learn."""
    if len(rows) == 1:
        return rows
    permutation = np.arange(len(rows))
    rng.shuffle(permutation)
    if len(rows) <= SHUFFLED_ROWS:
        return rows.take(permutation)
    for begin in range(0, len(rows), SHUFFLED_ROWS):  # without a third array of this size
        part = permutation[begin : begin + SHUFFLED_ROWS]
        part[:] = rows.take(part)
    return permutation


def rows_of_steps(n_rows: int, n_steps: int, batch_size: int) -> Array:
    """The number of rows in each step.

    >>> rows_of_steps(5, 4, 2)
    array([2, 2, 1, 0])
    """
    n_full, n_last = divmod(n_rows, batch_size)
    counts = [batch_size] * n_full + [n_last] + [0] * (n_steps - n_full)
    return np.array(counts[:n_steps])


def in_steps(rows: Array, n_steps: int, batch_size: int) -> Array:
    """The rows in steps, int of shape (n_steps, batch_size), padded with -1.

    >>> in_steps(np.arange(5), 3, 2)
    array([[ 0,  1],
           [ 2,  3],
           [ 4, -1]])
    """
    if len(rows) < n_steps * batch_size:
        rows = np.concatenate([rows, np.full(n_steps * batch_size - len(rows), -1)])
    return rows.reshape(n_steps, batch_size)


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


class EpochBatches:
    """Makes the `Batches` of the epochs of a fit, or of a stream of `partial_fit` calls.

    Values that depend on nothing but the number of the step are computed for several epochs at
    once, for more of them as long as the learning rate does not change.

    Parameters
    ----------
    recipe : Recipe
    seed : int
        Seed from which the seeds of the steps are derived.
    """

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.recipe, self.seed = recipe, seed
        self._ahead = NO_STEPS

    def __call__(
        self, order: Array, progress: Progress, t: Array | None = None
    ) -> tuple[Batches, float]:
        """The batches of an epoch, and the mean learning rate of the schedule."""
        recipe, mean = self.recipe, progress.learning_rate
        learning_rates, ratios, seeds = self._step_values(mean, progress.step, len(order))
        decays = dropout = None
        if ratios is not None:
            if t is not None and recipe.weight_decay_schedule is not None:
                ratios = ratios * factors(recipe.weight_decay_schedule, t, "weight_decay_schedule")
            decays = recipe.solver.weight_decay * ratios
        if t is not None and callable(recipe.schedule):
            scheduled = factors(recipe.schedule, t, "learning_rate")
            learning_rates, mean = learning_rates * scheduled, mean * float(scheduled.mean())
        if t is not None and recipe.dropout_schedule is not None:
            dropout = factors(recipe.dropout_schedule, t, "dropout_schedule", largest=1.0)
        return Batches(order, learning_rates, seeds, False, decays, dropout), mean

    def _step_values(
        self, learning_rate: float, n_done: int, n_steps: int
    ) -> tuple[Array, Array | None, Array]:
        """`StepValues.learning_rates`, `ratios` and `seeds` of the steps after ``n_done`` steps."""
        ahead = self._ahead
        begin = n_done - ahead.n_done
        same = learning_rate == ahead.learning_rate and 0 <= begin <= ahead.n_steps
        if not same or begin + n_steps > ahead.n_steps:
            n_ahead = max(n_steps, min(2 * ahead.n_steps, MAX_AHEAD)) if same else n_steps
            ahead = self._ahead = step_values(
                self.recipe.solver, self.seed, learning_rate, n_done, n_ahead
            )
            begin = 0
        part, ratios = slice(begin, begin + n_steps), ahead.ratios
        return (
            ahead.learning_rates[part],
            None if ratios is None else ratios[part],
            ahead.seeds[part],
        )


class StepValues(NamedTuple):
    """Values of consecutive steps without the factors of schedules.

    Parameters
    ----------
    learning_rate : float
        The learning rate of the schedule "constant".
    n_done, n_steps : int
        Number of steps before these, and of these.
    learning_rates : ndarray of shape (n_steps,)
        The learning rates of the solver.
    ratios : ndarray of shape (n_steps,) or None
        The learning rate before `Solver.learning_rate_at`, by which a weight decay is multiplied,
        divided by the one after it; None if nothing decays.
    seeds : ndarray of shape (n_steps,)
    """

    learning_rate: float
    n_done: int
    n_steps: int
    learning_rates: Array
    ratios: Array | None
    seeds: Array


NO_STEPS = StepValues(0.0, 0, 0, np.empty(0), None, np.empty(0))


def step_values(
    solver: Solver, seed: int, learning_rate: float, n_done: int, n_steps: int
) -> StepValues:
    """The values of so many steps, which follow ``n_done`` others."""
    step = np.arange(n_done + 1, n_done + n_steps + 1)
    learning_rates, ratios = _learning_rates(learning_rate, step, solver), None
    if solver.weight_decay != 0:
        ratios = np.ones(n_steps)
        np.divide(learning_rate, learning_rates, out=ratios, where=learning_rates > 0)
    first, after_last = (seed + n * SEED_STEP for n in (n_done + 1, n_done + 1 + n_steps))
    seeds = np.arange(first, after_last, SEED_STEP).astype(np.uint32)
    return StepValues(learning_rate, n_done, n_steps, learning_rates, ratios, seeds)


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
