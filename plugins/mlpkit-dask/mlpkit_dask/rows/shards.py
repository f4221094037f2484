"""The rows of a rank, with the targets, weights and labels of all rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit import RowSource
from mlpkit.distributed import Shard
from mlpkit.plugin import Array, Dataset, Group
from mlpkit_dask.rows.blocks import rows_of


def shard_of(
    blocks: Sequence[Dataset | RowSource], starts: Sequence[int], n_rows: int, group: Group
) -> Dataset:
    """Return what a rank passes to `fit`: its rows as X, and the other arrays of all rows.

    All ranks of the group call it together.

    Parameters
    ----------
    blocks : sequence of Dataset or RowSource
        The rows of the blocks of this rank, at least one, which may have no rows.
    starts : sequence of int
        The index of the first row of each block among all rows.
    n_rows : int
        The number of all rows.
    group : Group
        The processes that train together.

    Returns
    -------
    Dataset
        X is an `mlpkit.distributed.Shard`. Targets, weights and labels are those of all rows, in
        their order.
    """
    rows = [_read(block) if isinstance(block, RowSource) else block for block in blocks]
    places = [
        np.arange(start, start + rows_of(part.X), dtype=np.int64)
        for part, start in zip(rows, starts, strict=True)
    ]
    shard = Shard([part.X for part in rows], np.concatenate(places), n_rows, group)

    def gathered(values: Sequence[Any]) -> Array | None:
        if values[0] is None:
            return None
        return shard.gathered(np.concatenate([np.asarray(part) for part in values]))

    return Dataset(
        shard,
        gathered([part.y for part in rows]),
        gathered([part.sample_weight for part in rows]),
        {name: gathered([part.labels[name] for part in rows]) for name in rows[0].labels},
    )


def _read(source: RowSource) -> Dataset:
    """The rows of a part of a scan; the error of a file that is not here says where it must be."""
    try:
        return source.dataset()
    except ValueError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise ValueError(
            f"{error}. Each worker reads its part of the files, which must have the same names on"
            " the machines of all workers."
        ) from error
