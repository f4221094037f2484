"""Steps in blocks of a few fixed shapes, for backends that compile a program for each shape.

Full steps come in blocks whose number of steps is a power of two. The last block is padded to the
size of those before it. A single smaller step is padded to a power of two of rows. A stream of
batches of any size therefore needs about ten shapes. The parts of steps that several processes have
vary in size around their mean, which may be a power of two, so that there are more sizes for them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mlpkit.backend_kit.training_rows import (
    BLOCK_BYTES,
    gather_rows,
    row_ids,
    row_width,
    rows_within,
)
from mlpkit.plugin import Array, Batches, Dataset

BLOCK_ROWS = 4096  # approximate number of rows of a block
SMALLEST_STEP = 8  # rows of the smallest padded step
LARGEST_COARSE = 256  # rows up to which padding to a power of two costs little
SIZES = 8  # number of sizes between two larger powers of two


class IndexBlock(NamedTuple):
    """The row indices of several steps, padded to a fixed shape.

    Parameters
    ----------
    indices : ndarray of int, of shape (n_padded_steps, batch_size)
        Row indices of each step. A negative index ``~i`` is padding: row i with weight 0.
    learning_rates : ndarray of shape (n_padded_steps,)
        Learning rate of each step, float64.
    seeds : ndarray of shape (n_padded_steps,)
        Seed of each step, uint32.
    n_steps : int
        The number of steps to run; those after them are padding.
    weight_decays : ndarray of shape (n_padded_steps,) or None, default=None
        Strength of the weight decay of each step, float64; None as in `Batches`.
    dropout_factors : ndarray of shape (n_padded_steps,) or None, default=None
        Factor of the dropout rates of each step, float64; None as in `Batches`.
    """

    indices: Array
    learning_rates: Array
    seeds: Array
    n_steps: int
    weight_decays: Array | None = None
    dropout_factors: Array | None = None


class Block(NamedTuple):
    """The rows of several steps, padded to a fixed shape.

    Parameters
    ----------
    X : array of shape (n_padded_steps, batch_size, n_features)
        Features, dense. Those of steps that are padding may not be initialised.
    y : array of shape (n_padded_steps, batch_size, n_outputs)
        Targets, likewise.
    w : array of shape (n_padded_steps, batch_size)
        Weights of the rows; 0 for padding.
    learning_rates : array of shape (n_padded_steps,)
        Learning rate of each step, in the dtype of X.
    seeds : array of shape (n_padded_steps,)
        Seed of each step, uint32.
    n_steps : int
        The number of steps to run; those after them are padding.
    ids : array of shape (n_padded_steps, batch_size) or None, default=None
        The ids of the rows, for dropout, as in `Steps.put`; any value for padding.
    weight_decays : array of shape (n_padded_steps,) or None, default=None
        Strength of the weight decay of each step, in the dtype of X; None as in `Batches`.
    dropout_factors : array of shape (n_padded_steps,) or None, default=None
        Factor of the dropout rates of each step, in the dtype of X; None as in `Batches`.
    """

    X: Array
    y: Array
    w: Array
    learning_rates: Array
    seeds: Array
    n_steps: int
    ids: Array | None = None
    weight_decays: Array | None = None
    dropout_factors: Array | None = None


def padded_size(n: int, full: int, fine: bool = False) -> int:
    """Return the number of rows to which a step is padded.

    Parameters
    ----------
    n : int
        Number of rows of the step.
    full : int
        Number of rows of a full step.
    fine : bool, default=False
        Whether there are eight sizes instead of one from a power of two above 256 to the next.

    Returns
    -------
    int
        A power of two, one of the sizes between, or `full`.

    Examples
    --------
    >>> [padded_size(n, 200) for n in (1, 9, 100, 129, 200, 201)]
    [8, 16, 128, 200, 200, 256]
    >>> padded_size(100, 10**12)
    128
    >>> [padded_size(n, 4096, fine=True) for n in (100, 2000, 2048, 2049, 4000)]
    [128, 2048, 2048, 2304, 4096]
    """
    smallest = max(SMALLEST_STEP, min(full // 256, 64))
    padded = max(smallest, 1 << (n - 1).bit_length())
    if fine and padded > LARGEST_COARSE:
        unit = padded // (2 * SIZES)
        padded = -(-n // unit) * unit
    return padded if n > full else min(full, padded)


def index_blocks(
    batches: Batches,
    full: int,
    block_rows: int = BLOCK_ROWS,
    n_models: int = 0,
    fine: bool = False,
    smallest: int = 1,
) -> Iterator[IndexBlock]:
    """Divide the steps of an epoch into blocks of a few fixed shapes.

    Parameters
    ----------
    batches : Batches
        The steps, ``batches.order`` of shape (n_steps, batch_size).
    full : int
        Number of rows of a full step, of one model.
    block_rows : int, default=4096
        Approximate number of rows of a block.
    n_models : int, default=0
        `Network.n_models`. The rows of each model are padded to the same number.
    fine : bool, default=False
        As in `padded_size`.
    smallest : int, default=1
        The smallest number of steps of a block, at most that of a full one; blocks of fewer steps
        are padded. A backend passes the number of the largest earlier block, so that a smaller
        one needs no program of its own.

    Yields
    ------
    IndexBlock
        The steps in their order.

    Examples
    --------
    >>> import numpy as np
    >>> batches = Batches(np.arange(60).reshape(6, 10), np.ones(6), np.zeros(6, np.uint32))
    >>> [(b.indices.shape, b.n_steps) for b in index_blocks(batches, full=10, block_rows=40)]
    [((4, 10), 4), ((4, 10), 2)]
    """
    parts = max(1, n_models)
    n_steps, batch_size = len(batches.order), batches.order.shape[1] // parts
    padded = padded_size(batch_size, full, fine)
    most = 1 << max(0, (block_rows // (parts * padded)).bit_length() - 1)
    for begin in range(0, n_steps, most):
        steps = slice(begin, begin + most)
        order = batches.order[steps]
        n = len(order)
        smallest = n_padded = min(most, max(smallest, 1 << (n - 1).bit_length()))
        by_part = order.reshape(n * parts, batch_size)
        indices = _padded_indices(by_part, n_padded * parts, padded)
        yield IndexBlock(
            indices.reshape(n_padded, parts * padded),
            _padded(batches.learning_rates[steps], n_padded),
            _padded(batches.seeds[steps], n_padded),
            n,
            *(
                None if values is None else _padded(values[steps], n_padded)
                for values in (batches.weight_decays, batches.dropout_factors)
            ),
        )


def blocks(
    rows: Dataset,
    batches: Batches,
    full: int,
    n_models: int = 0,
    ids: Array | None = None,
    fine: bool = False,
    smallest: int = 1,
) -> Iterator[Block]:
    """Divide the steps of an epoch into blocks of a few fixed shapes, with their rows.

    Parameters
    ----------
    rows : Dataset
        The training data, see `training_dataset`.
    batches : Batches
        The steps, ``batches.order`` of shape (n_steps, batch_size).
    full : int
        Number of rows of a full step, of one model.
    n_models : int, default=0
        `Network.n_models`.
    ids : ndarray of shape (n,) or None, default=None
        The id of each row, as in `Steps.put`.
    fine : bool, default=False
        As in `padded_size`.
    smallest : int, default=1
        As in `index_blocks`.

    Yields
    ------
    Block
        The steps in their order. No reference to a block is kept, so its memory can be released
        before the next block is gathered.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpkit.backend_kit import training_dataset
    >>> rows = training_dataset(np.ones((30, 2)), np.ones((30, 1)), None, "float32")
    >>> batches = Batches(np.arange(30).reshape(3, 10), np.ones(3), np.zeros(3, np.uint32))
    >>> [(block.X.shape, block.n_steps) for block in blocks(rows, batches, full=10)]
    [((4, 10, 2), 3)]
    """
    block_rows = rows_within(row_width(rows), rows.y.itemsize, BLOCK_ROWS, BLOCK_BYTES)
    for block in index_blocks(batches, full, block_rows, n_models, fine, smallest):
        yield Block(
            *gather_rows(rows, block.indices, block.n_steps),
            block.learning_rates.astype(rows.y.dtype),
            block.seeds,
            block.n_steps,
            row_ids(block.indices, ids),
            *(
                None if values is None else values.astype(rows.y.dtype)
                for values in (block.weight_decays, block.dropout_factors)
            ),
        )


def _padded(values: Array, size: int) -> Array:
    """Return the values of the steps, padded with zeros."""
    if len(values) == size:
        return values
    padded = np.zeros(size, values.dtype)
    padded[: len(values)] = values
    return padded


def _padded_indices(order: Array, n_steps: int, batch_size: int) -> Array:
    """Return the indices of the rows of each step, (n_steps, batch_size), padded."""
    if order.shape == (n_steps, batch_size) and order.min() >= 0:
        return order
    indices = np.full((n_steps, batch_size), -1)
    indices[: len(order), : order.shape[1]] = order
    _repeat_rows(indices[: len(order)])
    return indices


def _repeat_rows(indices: Array) -> None:
    """Fill the padding of each step with the rows of the step, in place. The mean and variance of
    the batch, which some layers compute, then change little.
    """
    is_row = indices >= 0
    for step in np.flatnonzero(~is_row.all(axis=1)):
        rows = indices[step, is_row[step]]
        if len(rows):
            indices[step, ~is_row[step]] = ~np.resize(rows, indices.shape[1] - len(rows))
