"""Which rows move so that all workers have about as many."""

import numpy as np

from mlpkit_dask.rows.balance import balanced


def test_balance_of_many_workers() -> None:
    """No worker has more than a fair share and a twentieth, and few blocks move."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        workers = [f"w{i}" for i in range(rng.integers(1, 9))]
        n_rows = rng.integers(0, 400, rng.integers(1, 30)).tolist()
        places = [workers[i] for i in rng.integers(0, len(workers), len(n_rows))]
        pieces = balanced(n_rows, places, workers)
        loads = dict.fromkeys(workers, 0)
        rows = dict.fromkeys(range(len(n_rows)), 0)
        for piece in pieces:
            assert piece.begin == rows[piece.block] and piece.n_rows
            rows[piece.block] = piece.end
            loads[piece.worker] += piece.n_rows
        assert list(rows.values()) == n_rows
        assert max(loads.values()) <= 1.05 * -(-sum(n_rows) // len(workers))
        assert len(pieces) <= sum(n > 0 for n in n_rows) + len(workers) - 1


def test_balanced_blocks_stay() -> None:
    """Nothing moves for a few rows."""
    pieces = balanced([100, 97], ["a", "b"], ["a", "b"])
    assert [piece.worker for piece in pieces] == ["a", "b"]
