"""Which rows move to which worker, so that all workers have about as many."""

from collections.abc import Sequence
from typing import NamedTuple

TOLERANCE = 0.05  # share by which the rows of a worker may exceed the average


class Piece(NamedTuple):
    """Consecutive rows of a block, and the worker where they are needed.

    Parameters
    ----------
    block : int
        The number of the block.
    begin, end : int
        The rows within the block.
    worker : str
        The address of the worker.
    """

    block: int
    begin: int
    end: int
    worker: str

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return self.end - self.begin


def balanced(n_rows: Sequence[int], places: Sequence[str], workers: Sequence[str]) -> list[Piece]:
    """Assign blocks of rows to workers so that none has many more rows than the others.

    Most blocks stay where they are. Rows move from the worker with the most rows to the worker
    with the fewest: a whole block if one has no more rows than are to move, and else a part of
    one.

    Parameters
    ----------
    n_rows : sequence of int
        The number of rows of each block.
    places : sequence of str
        The worker that has each block.
    workers : sequence of str
        All workers, which include these.

    Returns
    -------
    list of Piece
        The pieces that are not empty, in the order of the rows.

    Examples
    --------
    >>> [tuple(piece) for piece in balanced([6, 2], ["a", "a"], ["a", "b"])]
    [(0, 0, 4, 'a'), (0, 4, 6, 'b'), (1, 0, 2, 'b')]
    """
    held: dict[str, list[Piece]] = {worker: [] for worker in workers}
    for block, (size, worker) in enumerate(zip(n_rows, places, strict=True)):
        if size:
            held[worker].append(Piece(block, 0, size, worker))
    load = {worker: sum(piece.n_rows for piece in pieces) for worker, pieces in held.items()}
    fair = -(-sum(n_rows) // len(workers))
    limit = fair + int(TOLERANCE * fair)
    while True:
        source = max(workers, key=load.__getitem__)
        if load[source] <= limit:
            return sorted(piece for pieces in held.values() for piece in pieces)
        target = min(workers, key=load.__getitem__)
        amount = min(load[source] - fair, fair - load[target])
        moved = _taken(held[source], amount, target)
        held[target].append(moved)
        load[source] -= moved.n_rows
        load[target] += moved.n_rows


def _taken(pieces: list[Piece], amount: int, target: str) -> Piece:
    """Take a piece of at most so many rows, the largest one, or a part of a larger one."""
    whole = [piece for piece in pieces if piece.n_rows <= amount]
    if whole:
        piece = max(whole, key=lambda piece: (piece.n_rows, piece.block))
        pieces.remove(piece)
        return piece._replace(worker=target)
    piece = min(pieces, key=lambda piece: (piece.n_rows, -piece.block))
    pieces.remove(piece)
    pieces.append(piece._replace(end=piece.end - amount))
    return piece._replace(begin=piece.end - amount, worker=target)
