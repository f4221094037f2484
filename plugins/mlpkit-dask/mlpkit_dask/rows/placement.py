"""Rows of Dask collections or of files, placed on workers."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from distributed import Client, Future, wait

from mlpkit import RowSource
from mlpkit.plugin import Dataset, GroupError
from mlpkit_dask.rows.balance import Piece, balanced
from mlpkit_dask.rows.blocks import Block, check_counts, counts, rows_between, same
from mlpkit_dask.rows.collections import datasets_of


def placed(
    client: Client,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    labels: Any = None,
    *,
    workers: Sequence[str],
) -> list[Block]:
    """Place rows in the memory of workers, about as many on each.

    The rows stay on the workers that have or compute them, as far as possible. They are freed
    when the futures of the blocks are released.

    Parameters
    ----------
    client : Client
        The client of the cluster.
    X : Dask array, dataframe, list of Future or Delayed, or scan of files
        Rows of shape (n_samples, n_features). A list has an array or frame for each partition. A
        scan is divided among the workers by row groups, and each reads its own.
    y : Dask array, series or dataframe, list of Future or Delayed, or None, default=None
        Targets, in the partitions of X.
    sample_weight : Dask array, series, list of Future or Delayed, or None, default=None
        Weights of the rows, in the partitions of X.
    labels : dict of these, Dask dataframe or None, default=None
        Columns that X does not contain, in the partitions of X.
    workers : sequence of str
        The addresses of the workers.

    Returns
    -------
    list of Block
        At least one block for each worker, in the order of the rows in the collection. A worker
        without rows has a block of 0 rows.

    Raises
    ------
    TypeError
        If an argument is not distributed.
    ValueError
        If the arguments have different partitions, or no rows.
    GroupError
        If a worker dies meanwhile.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     workers = list(client.scheduler_info()["workers"])
    ...     X, y = da.ones((10, 3), chunks=(4, 3)), da.zeros(10, chunks=4)
    ...     blocks = placed(client, X, y, workers=workers)
    >>> sum(block.n_rows for block in blocks), {block.worker for block in blocks} == set(workers)
    (10, True)
    """
    if isinstance(X, RowSource):
        return _placed_files(client, X, (y, sample_weight, labels), workers)
    futures = client.compute(
        datasets_of(Dataset(X, y, sample_weight, {} if labels is None else labels)),
        workers=list(workers),
        allow_other_workers=True,
    )
    numbers = client.gather(client.map(counts, futures, pure=False))
    n_rows = [check_counts(i, numbers_of_one) for i, numbers_of_one in enumerate(numbers)]
    if not sum(n_rows):
        raise ValueError(
            f"X must have at least one row, but its {len(n_rows)} partitions are empty."
        )
    places = _places(client, futures, workers)
    pieces = balanced(n_rows, places, workers)
    used = {piece.worker for piece in pieces}
    pieces += [Piece(pieces[0].block, 0, 0, worker) for worker in workers if worker not in used]
    starts = [0, *accumulate(n_rows)]
    blocks = []
    for piece in pieces:
        i, future = piece.block, futures[piece.block]
        if piece.n_rows != n_rows[i]:
            cut = (future, piece.begin, piece.end)
            future = client.submit(
                rows_between, *cut, workers=[places[i]], allow_other_workers=True, pure=False
            )
        future = client.submit(
            same, future, workers=[piece.worker], allow_other_workers=True, pure=False
        )
        blocks.append(Block(future, piece.worker, starts[i] + piece.begin, piece.n_rows))
    _check_finished([block.future for block in blocks])
    return blocks


def _placed_files(
    client: Client, source: RowSource, others: tuple[Any, Any, Any], workers: Sequence[str]
) -> list[Block]:
    """A part of a scan for each worker."""
    for name, value, argument in zip(
        ("y", "sample_weight", "labels"), others, ("target", "weight", "labels"), strict=True
    ):
        if value is not None and not (isinstance(value, Mapping) and not value):
            raise ValueError(
                f"{name} cannot be passed together with a scan of files. Pass the name of its"
                f" column: scan(..., {argument}='name')."
            )
    blocks: list[Block] = []
    start = 0
    for worker, part in zip(workers, source.split(len(workers)), strict=True):
        future = client.submit(same, part, workers=[worker], allow_other_workers=True, pure=False)
        blocks.append(Block(future, worker, start, part.n_rows))
        start += part.n_rows
    if not start:
        raise ValueError(f"{source.name} contains no rows.")
    return blocks


def _places(client: Client, futures: list[Future], workers: Sequence[str]) -> list[str]:
    """The worker that has each partition, the first of several."""
    has = client.who_has(futures)
    places = []
    for future in futures:
        holders = [worker for worker in workers if worker in has.get(future.key, ())]
        if not holders:
            raise GroupError("A worker died while rows were placed in its memory.")
        places.append(holders[0])
    return places


def _check_finished(futures: list[Future]) -> None:
    """Wait until all are in memory, and raise the error of one that is not."""
    wait(futures)
    for future in futures:
        if future.status != "finished":
            future.result()
            raise GroupError("A worker died while rows were placed in its memory.")
