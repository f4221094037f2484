"""Which rows make which step: epochs of row indices, drawn as scikit-learn draws them."""

from collections.abc import Iterator

import numpy as np

from mlpkit.plugin import Array, Batches, InvalidResult, Progress, Recipe


def epochs(
    n_rows: int, batch_size: int, shuffle: bool, rng: np.random.RandomState
) -> Iterator[Array]:
    """For each epoch, the row indices of its steps: (steps, batch) int64, padded with -1.

    >>> next(epochs(5, 2, False, np.random.RandomState(0)))
    array([[ 0,  1],
           [ 2,  3],
           [ 4, -1]])
    """
    steps = -(-n_rows // batch_size)
    rows = np.arange(n_rows)
    while True:
        if shuffle:  # each epoch shuffles the order of the one before
            draw = np.arange(n_rows)
            rng.shuffle(draw)
            rows = rows[draw]
        order = np.full(steps * batch_size, -1)
        order[:n_rows] = rows
        yield order.reshape(steps, batch_size)


def with_rates(order: Array, progress: Progress, recipe: Recipe, seed: int) -> Batches:
    """The steps of an epoch with the learning rate and the seed of each."""
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
                f"`learning_rate_at` returned {learning_rates!r}; expected a finite learning rate"
                f" for each step, shape {step.shape}.",
                "solver",
            )
    return Batches(order, learning_rates, (seed + step * 0x9E3779B1).astype(np.uint32))
