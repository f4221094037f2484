"""Rows of collections and files are placed on workers, about as many on each."""

from pathlib import Path
from typing import Any

import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dask import delayed
from distributed import Client
from pyarrow import parquet
from scipy import sparse

from mlpkit import scan
from mlpkit.distributed import Solo
from mlpkit_dask.rows.blocks import Block
from mlpkit_dask.rows.placement import placed
from mlpkit_dask.rows.shards import shard_of

FRAME = pd.DataFrame({"a": np.arange(50.0), "b": list("xy") * 25, "y": np.arange(50) % 3})


def joined(blocks: list[Block], name: str) -> np.ndarray:
    """An argument of all rows, in the order of the blocks."""
    parts = []
    for block in sorted(blocks, key=lambda block: block.start):
        values = getattr(block.future.result(), name)
        assert len(values) == block.n_rows
        parts.append(np.asarray(values))
    return np.concatenate(parts)


def sizes(blocks: list[Block]) -> dict[str, int]:
    """The number of rows of each worker."""
    loads: dict[str, int] = {}
    for block in blocks:
        loads[block.worker] = loads.get(block.worker, 0) + block.n_rows
    return loads


def check(client: Client, blocks: list[Block], workers: list[str], n_rows: int) -> None:
    """Starts are those of the collection, each worker has its share, in its memory."""
    held = sorted(block[2:] for block in blocks if block.n_rows)
    assert [start for start, _ in held] == [0, *np.cumsum([n for _, n in held])[:-1]]
    assert sum(n for _, n in held) == n_rows
    loads = sizes(blocks)
    assert sorted(loads) == workers
    assert max(loads.values()) <= 1.05 * -(-n_rows // len(workers))
    has = client.who_has([block.future for block in blocks])
    assert all(block.worker in has[block.future.key] for block in blocks)


def test_arrays_with_chunks_of_columns(client: Client, workers: list[str]) -> None:
    """All columns of a row are in one block, with its target and its weight."""
    X = np.arange(60.0).reshape(20, 3)
    dX = da.from_array(X, chunks=(7, 2))
    dy, dw = (da.from_array(v, chunks=7) for v in (np.arange(20), np.linspace(0, 1, 20)))
    blocks = placed(client, dX, dy, dw, {"g": dy * 2}, workers=workers)
    check(client, blocks, workers, 20)
    assert np.array_equal(joined(blocks, "X"), X)
    assert np.array_equal(joined(blocks, "y"), np.arange(20))
    assert np.array_equal(joined(blocks, "sample_weight"), np.linspace(0, 1, 20))
    labels = [block.future.result().labels["g"] for block in sorted(blocks, key=lambda b: b.start)]
    assert np.array_equal(np.concatenate(labels), 2 * np.arange(20))


def test_frames_keep_their_types(client: Client, workers: list[str]) -> None:
    """A dataframe with a series of the same partitions, and labels of a dataframe."""
    frame = dd.from_pandas(FRAME, npartitions=5)
    blocks = placed(client, frame[["a", "b"]], frame.y, labels=frame[["b"]], workers=workers)
    check(client, blocks, workers, 50)
    parts = [block.future.result() for block in sorted(blocks, key=lambda b: b.start)]
    assert pd.concat(part.X for part in parts).equals(dd.from_pandas(FRAME).compute()[["a", "b"]])
    assert [v for part in parts for v in part.labels["b"]] == FRAME.b.tolist()


def test_a_frame_with_an_array_of_unknown_chunks(client: Client, workers: list[str]) -> None:
    """Sizes of chunks that are not known are computed, and empty partitions are allowed."""
    frame = dd.from_pandas(FRAME, npartitions=5)
    kept = frame[(frame.a < 10) | (frame.a > 25)]
    blocks = placed(client, kept[["a"]], kept.y.to_dask_array(), workers=workers)
    check(client, blocks, workers, 34)
    expected = FRAME[(FRAME.a < 10) | (FRAME.a > 25)]
    assert joined(blocks, "X").ravel().tolist() == expected.a.tolist()
    assert joined(blocks, "y").tolist() == expected.y.tolist()


def test_optimization_does_not_join_partitions(
    client: Client, workers: list[str], tmp_path: Path
) -> None:
    """Partitions of files that Dask would read together stay apart, in X as in y."""
    dd.from_pandas(FRAME, npartitions=5).to_parquet(tmp_path, write_index=False)
    frame = dd.read_parquet(tmp_path)
    blocks = placed(client, frame[["a", "b"]], frame["y"], workers=workers)
    check(client, blocks, workers, 50)
    assert joined(blocks, "y").tolist() == FRAME.y.tolist()


def test_futures_and_delayed_objects(client: Client, workers: list[str]) -> None:
    """Lists with an array for each partition, also mixed."""
    parts = [np.full((n, 2), float(n)) for n in (4, 0, 3)]
    X = client.scatter(parts)
    y = [delayed(np.arange)(len(part)) for part in parts]
    blocks = placed(client, X, y, workers=workers)
    check(client, blocks, workers, 7)
    assert joined(blocks, "y").tolist() == [0, 1, 2, 3, 0, 1, 2]


def test_sparse_blocks(client: Client, workers: list[str]) -> None:
    """Sparse matrices are cut and moved as they are."""
    X = sparse.random(30, 5, density=0.3, format="csr", random_state=0)
    (future,) = client.scatter([X], workers=workers[:1])
    blocks = placed(client, [future], workers=workers)
    parts = [block.future.result().X for block in sorted(blocks, key=lambda b: b.start)]
    assert [block.n_rows for block in blocks] == [15, 15]
    assert (sparse.vstack(parts) != X).nnz == 0


@pytest.mark.parametrize("n_partitions", [1, 2, 7])
def test_rows_of_one_worker_are_divided(
    client: Client, workers: list[str], n_partitions: int
) -> None:
    """Dask may put all partitions on one worker; a partition that is too large is cut."""
    parts = np.array_split(np.arange(2002.0).reshape(-1, 2), n_partitions)
    X = client.scatter(parts, workers=workers[:1])
    blocks = placed(client, X, workers=workers)
    check(client, blocks, workers, 1001)
    assert np.array_equal(joined(blocks, "X"), np.concatenate(parts))
    whole = [b for b in blocks if b.n_rows in {len(part) for part in parts}]
    assert len(whole) >= n_partitions - 1


def test_more_workers_than_rows(client: Client, workers: list[str]) -> None:
    """A worker without rows has an empty block with the columns of the others."""
    blocks = placed(client, da.ones((1, 3), chunks=1), da.ones(1, chunks=1), workers=workers)
    assert sorted(block.n_rows for block in blocks) == [0, 1]
    assert {block.worker for block in blocks} == set(workers)
    empty = min(blocks, key=lambda block: block.n_rows).future.result()
    assert empty.X.shape == (0, 3) and empty.y.shape == (0,)


def test_one_worker_of_the_cluster(client: Client, workers: list[str]) -> None:
    """Rows of other workers move to the requested ones."""
    X = client.scatter([np.ones((3, 2)), np.zeros((2, 2))])
    blocks = placed(client, X, workers=workers[1:])
    check(client, blocks, workers[1:], 5)


def test_blocks_are_released(client: Client, workers: list[str]) -> None:
    """Nothing stays in the memory of the workers when the blocks are gone."""

    def keys(dask_scheduler: Any) -> set[Any]:
        return set(dask_scheduler.tasks)

    before = client.run_on_scheduler(keys)
    blocks = placed(client, da.ones((9, 2), chunks=2), workers=workers)
    used = client.run_on_scheduler(keys) - before
    assert len(used) >= len(blocks) >= 5
    del blocks
    for _ in range(100):
        if not (left := used & client.run_on_scheduler(keys)):
            break
    assert not left


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            da.ones(10, chunks=5),
            "y must have the partitions of X, but has 2 partitions, and X has 3",
        ),
        (
            da.ones(10, chunks=(4, 2, 4)),
            "y must have as many rows as X in each partition, but partition 1 has 2 rows of y and 4"
            " of X",
        ),
    ],
)
def test_partitions_must_agree(client: Client, workers: list[str], y: Any, message: str) -> None:
    """The message has the partition and both numbers."""
    with pytest.raises(ValueError, match=message):
        placed(client, da.ones((10, 2), chunks=4), y, workers=workers)


def test_rows_in_memory_are_rejected(client: Client, workers: list[str]) -> None:
    """The message says how to pass them."""
    with pytest.raises(TypeError, match=r"y must be a Dask array .* got ndarray"):
        placed(client, da.ones((4, 2), chunks=2), np.ones(4), workers=workers)
    with pytest.raises(TypeError, match="X must be a Dask array or dataframe, .* got Bag"):
        placed(client, dask.bag.from_sequence([[1.0]] * 4), workers=workers)
    with pytest.raises(ValueError, match="at least one row, but its 2 partitions are empty"):
        placed(client, client.scatter([np.ones((0, 1))] * 2), workers=workers)


def test_rows_are_two_dimensional(client: Client, workers: list[str]) -> None:
    """A list of rows is an array, and a single column is rejected."""
    (block,) = placed(client, [delayed([[1.0, 2.0]])], workers=workers[:1])
    assert block.future.result().X.shape == (1, 2)
    for column in (da.ones(4, chunks=2), dd.from_pandas(FRAME, npartitions=2).a):
        with pytest.raises(ValueError, match=r"X must have two dimensions.*shape \(\d+,\)"):
            placed(client, column, workers=workers)


def test_an_error_of_a_partition_is_raised(client: Client, workers: list[str]) -> None:
    """It is that of the user's code."""

    def fails() -> None:
        raise RuntimeError("no such table")

    with pytest.raises(RuntimeError, match="no such table"):
        placed(client, [delayed(fails)()], workers=workers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with six row groups."""
    table = pa.Table.from_pandas(FRAME)
    parquet.write_table(table.slice(0, 30), tmp_path / "a.parquet", row_group_size=10)
    parquet.write_table(table.slice(30), tmp_path / "b.parquet", row_group_size=7)
    return tmp_path


def test_files_are_divided_by_row_groups(client: Client, workers: list[str], folder: Path) -> None:
    """The block of a worker describes its part of the files."""
    blocks = placed(client, scan(folder, target="y", labels="b"), labels={}, workers=workers)
    assert [block[1:] for block in blocks] == [(workers[0], 0, 20), (workers[1], 20, 30)]
    columns = [client.submit(lambda part: part.dataset().y.tolist(), b.future) for b in blocks]
    assert sum(client.gather(columns), []) == FRAME.y.tolist()


def test_files_contain_the_targets(client: Client, workers: list[str], folder: Path) -> None:
    """Arrays in addition to a scan are an error."""
    with pytest.raises(ValueError, match=r"scan\(\.\.\., target='name'\)"):
        placed(client, scan(folder, target="y"), da.ones(50), workers=workers)


class Recorded(Solo):
    """A process of a group that repeats what two processes gathered, in order."""

    def __init__(self, rank: int, values: list[list[Any]]) -> None:
        self.rank, self.size, self.values = rank, 2, values

    def gather(self, value: Any) -> list[Any]:
        """The recorded values of both."""
        values = self.values.pop(0)
        assert np.array_equal(values[self.rank], value)
        return values


def test_a_rank_has_its_rows_and_all_targets(
    client: Client, workers: list[str], folder: Path
) -> None:
    """Targets, weights and labels are in the order of the collection."""
    X = np.arange(20.0).reshape(10, 2)
    y, w, g = np.arange(10), np.linspace(0, 1, 10), np.array(list("abcdefghij"))
    dX, dy, dw, dg = (da.from_array(v, chunks=(4, 2)[: v.ndim]) for v in (X, y, w, g))
    blocks = placed(client, dX, dy, dw, {"g": dg}, workers=workers)
    rank = [[b for b in blocks if b.worker == worker] for worker in workers]
    local = [[b.future.result() for b in of_rank] for of_rank in rank]
    places = [
        np.concatenate([np.arange(b.start, b.start + b.n_rows) for b in of_rank])
        for of_rank in rank
    ]
    for i in range(2):
        names = [[2] * len(of_rank) for of_rank in local]
        values = [[v[places[j]] for j in range(2)] for v in (y, w, g)]
        group = Recorded(i, [names, values[0], places, *values[1:]])
        rows = shard_of(local[i], [b.start for b in rank[i]], 10, group)
        assert np.array_equal(rows.y, y) and np.array_equal(rows.sample_weight, w)
        assert np.array_equal(rows.labels["g"], g)
        assert np.array_equal(np.concatenate(list(rows.X.parts())), X[places[i]])


def test_the_shard_of_files(folder: Path) -> None:
    """Targets and labels are read, and the features stay in the files."""
    rows = shard_of(scan(folder, target="y", labels="b").split(1), [0], 50, Solo())
    assert rows.y.tolist() == FRAME.y.tolist() and rows.labels["b"].tolist() == FRAME.b.tolist()
    assert rows.X.column_names == ["a"] and rows.X.shape == (50, 1)
    assert rows.X.column("a").to_pylist() == FRAME.a.tolist()


def test_a_file_that_a_worker_lacks(folder: Path) -> None:
    """The message says where files must be."""
    (part,) = scan(folder, target="y").split(1)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"no such file or folder\. Each worker reads its part"):
        shard_of([part], [0], 50, Solo())
