"""Which rank has which blocks of rows."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlpkit_dask.cluster_inputs import TRAIN
from mlpkit_dask.rows.blocks import Block


class Layout(NamedTuple):
    """The workers of the ranks, and the blocks of each.

    Parameters
    ----------
    workers : list of str
        The address of the worker of each rank.
    sets : dict of list of list of Block
        The blocks of each rank, by the name of the set of rows.
    """

    workers: list[str]
    sets: dict[str, list[list[Block]]]

    def n_rows(self, rank: int) -> int:
        """The number of training rows of a rank."""
        return sum(block.n_rows for block in self.sets[TRAIN][rank])

    def arguments(self, rank: int) -> dict[str, tuple[list[Any], list[int], int]]:
        """For each set: the futures of the blocks of a rank, where they start, and all rows."""
        arguments = {}
        for name, of_ranks in self.sets.items():
            blocks = of_ranks[rank]
            total = sum(block.n_rows for own in of_ranks for block in own)
            futures = [block.future for block in blocks]
            arguments[name] = (futures, [block.start for block in blocks], total)
        return arguments

    def moved(self, workers: Sequence[str | None]) -> "Layout":
        """The layout with other workers of the ranks, where None is a rank that no longer exists.

        Its blocks go to the ranks with the fewest rows.
        """
        kept = [rank for rank, worker in enumerate(workers) if worker is not None]
        sets = {}
        for name, of_ranks in self.sets.items():
            mine = [list(of_ranks[rank]) for rank in kept]
            lost = [b for rank, own in enumerate(of_ranks) if rank not in kept for b in own]
            for block in sorted(lost, key=lambda block: -block.n_rows):
                if block.n_rows:
                    min(mine, key=lambda own: sum(b.n_rows for b in own)).append(block)
            sets[name] = mine
        return Layout([worker for worker in workers if worker is not None], sets)


def layout_of(sets: Mapping[str, Sequence[Block]], workers: Sequence[str]) -> Layout:
    """The layout of blocks that were placed on these workers."""
    return Layout(
        list(workers),
        {
            name: [[block for block in blocks if block.worker == w] for w in workers]
            for name, blocks in sets.items()
        },
    )


def workers_with_rows(blocks: Sequence[Block]) -> list[str]:
    """The workers that have rows, in the order of the rows."""
    return list(dict.fromkeys(block.worker for block in blocks if block.n_rows))
