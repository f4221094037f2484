"""Rows of numbers that are distributed over the processes of a group."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.data.memory_maps import written_rows
from mlpkit.distributed.placements import Placement
from mlpkit.plugin import Array, Group

N_BLOCKS = 32  # number of blocks of rows, each with its own hash, as in checkpoints
MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
COPIED_ROWS = 1 << 14  # number of rows that are copied at once


class ShardedRows:
    """X of shape (n_rows, n_features), of which each process of a group has some rows.

    It has some of the attributes of an array. The rows of other processes are not accessible,
    except by indexing, which must be done by all processes at once.

    Parameters
    ----------
    local : ndarray of shape (n_local, n_features)
        The rows of this process.
    placement : Placement
        The places of these rows among all rows.
    """

    ndim = 2

    def __init__(self, local: Array, placement: Placement) -> None:
        self.local, self.placement = local, placement

    @property
    def group(self) -> Group:
        """The processes."""
        return self.placement.group

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows of all processes, and of features."""
        return self.placement.n_rows, self.local.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.local.dtype

    def __len__(self) -> int:
        return self.placement.n_rows

    def take(self, indices: Array, axis: int = 0) -> "ShardedRows":
        """The rows with these indices among all rows, each in the process that has it."""
        local, placement = self.placement.taken(indices)
        if not isinstance(self.local, np.memmap):
            return ShardedRows(self.local.take(local, axis=0), placement)
        blocks = (self.local[local[i : i + COPIED_ROWS]] for i in range(0, len(local), COPIED_ROWS))
        return ShardedRows(written_rows(blocks, len(local), self.shape[1], self.dtype), placement)

    def __getitem__(self, rows: Array | slice) -> Array:
        """Copy a few rows, by their indices among all rows, to all processes."""
        selected = self.take(np.arange(len(self))[rows])
        return selected.placement.gathered(np.asarray(selected.local))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Copy all rows to all processes."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def replace_column(self, i: int, values: Array) -> None:
        """Overwrite a column with the values of all rows, (n_rows,)."""
        self.local[:, i] = values[self.placement.places]

    def description(self) -> dict[str, Any]:
        """The shape, the dtype and a number for each block of rows, for checkpoints.

        They do not depend on which process has which rows. All processes must call it.
        """
        places, n_rows = self.placement.places.astype(np.uint64), len(self)
        block_of_row = (places // np.uint64(max(1, -(-n_rows // N_BLOCKS)))).astype(np.intp)
        sums = np.zeros(N_BLOCKS, np.uint64)
        with np.errstate(over="ignore"):
            for begin in range(0, len(places), COPIED_ROWS):
                part = slice(begin, begin + COPIED_ROWS)
                np.add.at(sums, block_of_row[part], _hashes(self.local[part], places[part]))
        total = self.group.add(sums.view(np.int64)).view(np.uint64)
        blocks = [f"{block:016x}" for block in total.tolist()]
        return {"shape": list(self.shape), "dtype": str(self.dtype), "blocks": blocks}


class StackedRows(NamedTuple):
    """Rows for each of several models.

    Parameters
    ----------
    X : ShardedRows
    rows : ndarray of shape (n_models, n)
        The indices of the rows of each model among all rows.
    """

    X: ShardedRows
    rows: Array


def _hashes(rows: Array, places: Array) -> Array:
    """A hash of each row and its place, uint64 (n,)."""
    n_bytes = rows.shape[1] * rows.dtype.itemsize
    words = np.zeros((len(rows), -(-n_bytes // 8) * 8), np.uint8)
    words[:, :n_bytes] = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    factors = MIXERS[0] * (2 * np.arange(words.shape[1] // 8, dtype=np.uint64) + np.uint64(1))
    mixed = (words.view(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
    mixed ^= (places + np.uint64(1)) * MIXERS[1]
    mixed ^= mixed >> np.uint64(31)
    hashes: Array = mixed * MIXERS[0]
    return hashes
