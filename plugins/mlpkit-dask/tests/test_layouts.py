"""Which rank gets which blocks after workers were lost."""

from typing import Any

from mlpkit_dask.fitting.layouts import layout_of, workers_with_rows
from mlpkit_dask.rows.blocks import Block

NO_FUTURE: Any = None


def block(worker: str, start: int, n_rows: int) -> Block:
    """A block without rows in memory."""
    return Block(NO_FUTURE, worker, start, n_rows)


def test_layouts() -> None:
    """A replacement gets the blocks of its predecessor, and else the ranks with fewest rows."""
    train = [block("b", 0, 5), block("a", 5, 4), block("c", 9, 6), block("d", 0, 0)]
    workers = workers_with_rows(train)
    assert workers == ["b", "a", "c"]
    layout = layout_of(
        {"train": train, "validation": [block(w, i, 1) for i, w in enumerate("abc")]}, workers
    )
    assert [layout.n_rows(rank) for rank in range(3)] == [5, 4, 6]
    assert layout.arguments(1)["train"] == ([None], [5], 15)
    replaced = layout.moved(["b", "e", "c"])
    assert replaced.workers == ["b", "e", "c"]
    assert replaced.sets == layout.sets
    fewer = layout.moved(["b", "a", None])
    assert fewer.workers == ["b", "a"]
    assert [fewer.n_rows(rank) for rank in range(2)] == [5, 10]
    assert fewer.arguments(1)["train"] == ([None, None], [5, 9], 15)
    assert sum(len(own) for own in fewer.sets["validation"]) == 3
