"""Faulty functions of a backend, each made from the correct ones of the NumPy backend."""

import sys
import time
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from mlpkit.plugin import Steps


def rounded(correct: Steps) -> Any:
    """Round the weights to float16."""
    return lambda a: correct.start({n: v.astype(np.float16).astype(v.dtype) for n, v in a.items()})


def dropping_by_place(correct: Steps) -> Any:
    """Let dropout depend on the first row of the step."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        seeds = batches.seeds + batches.order[:, 0].astype(np.uint32)
        return correct.epoch(state, rows, batches._replace(seeds=seeds))

    return epoch


def dropping_as_usual(correct: Steps) -> Any:
    """Ignore the factors of dropout."""
    return lambda s, rows, b: correct.epoch(s, rows, b._replace(dropout_factors=None))


def counting_zero_rows(correct: Steps) -> Any:
    """Treat padding as row 0."""
    return lambda s, rows, b: correct.epoch(s, rows, b._replace(order=np.maximum(b.order, 0)))


def moving_without_weight(correct: Steps) -> Any:
    """Shrink the weights in an empty step."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = correct.epoch(state, rows, batches)
        return after._replace(weights=after.weights * 0.999), sums

    return epoch


def with_means(correct: Steps) -> Any:
    """Return mean gradients over the rows."""

    def gradient(*given: Any) -> Any:
        sums, g = correct.gradient(*given)
        return sums, {name: a / max(sums.weight, 1) for name, a in g.items()}

    return gradient


def packed(correct: Steps) -> Any:
    """Assume that padding is at the end of a step."""

    def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
        end = None if indices is None else (indices >= 0).sum()
        return correct.gradient(state, rows, None if indices is None else indices[:end], seed)

    return gradient


def needing_rows(correct: Steps) -> Any:
    """Treat a step without rows as one of row 0."""

    def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
        if indices is not None and len(indices) and indices.max() < 0 < len(rows.data.y):
            indices = np.zeros(1, np.int64)
        return correct.gradient(state, rows, indices, seed)

    return gradient


def padded_to_a_row(correct: Steps) -> Any:
    """Return the output of a row of zeros where X has no rows."""

    def outputs(state: Any, X: Any) -> Any:
        return correct.outputs(state, X if X.shape[0] else np.zeros((1, X.shape[1]), X.dtype))

    return outputs


def dropping_by_index(correct: Steps) -> Any:
    """Let dropout depend on the places of the rows in a process."""
    return lambda X, y, w, ids=None: correct.put(X, y, w)


def dropping_by_half_an_id(correct: Steps) -> Any:
    """Confuse ids that differ by less than two."""
    return lambda X, y, w, ids=None: correct.put(X, y, w, None if ids is None else ids // 2)


def with_all_dropout(correct: Steps) -> Any:
    """Ignore the factor of the dropout."""

    def gradient(
        state: Any, rows: Any, indices: Any, seed: int, dropout_factor: float = 1.0
    ) -> Any:
        return correct.gradient(state, rows, indices, seed)

    return gradient


def short(correct: Steps) -> Any:
    """Lose the last of a few rows."""

    def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
        if indices is not None and 2 < len(indices) < 8:
            indices = indices[:-2]
        return correct.gradient(state, rows, indices, seed)

    return gradient


def in_place(correct: Steps) -> Any:
    """Write into the given state."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = correct.epoch(state, rows, batches)
        state.weights[...] = after.weights
        return after, sums

    return epoch


def mixing_rows_up(correct: Steps) -> Any:
    """Return predictions in another order than the rows."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = correct.epoch(state, rows, batches)
        seen = sums.predictions
        return after, sums._replace(predictions=None if seen is None else seen[::-1])

    return epoch


def lending(correct: Steps) -> Any:
    """Return the arrays of the state itself."""
    shown: dict[int, Any] = {}
    return lambda state: shown.setdefault(id(state), correct.arrays(state))


def writing_put(correct: Steps) -> Any:
    """Scale X in place."""

    def put(X: Any, *rest: Any) -> Any:
        X *= 1.0
        return correct.put(X, *rest)

    return put


def compacting(correct: Steps) -> Any:
    """Return predictions without the places of padding."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = correct.epoch(state, rows, batches)
        if sums.predictions is None:
            return after, sums
        places = np.argsort(batches.order < 0, axis=1, kind="stable")
        seen = np.take_along_axis(sums.predictions, places[..., None], axis=1)
        return after, sums._replace(predictions=seen)

    return epoch


def in_a_buffer(correct: Steps) -> Any:
    """Return outputs in memory that all calls share."""
    shared: dict[Any, Any] = {}

    def outputs(state: Any, X: Any) -> Any:
        z = correct.outputs(state, X)
        buffer = shared.setdefault(z.shape, z)
        buffer[...] = z
        return buffer

    return outputs


def short_outputs(correct: Steps) -> Any:
    """Lose the last, incomplete block of rows."""
    return lambda s, X: correct.outputs(s, X)[: max(1, len(X) // 8 * 8)]


def wide(correct: Steps) -> Any:
    """Return all arrays as float64."""
    return lambda s: {n: a.astype(float) for n, a in correct.arrays(s).items()}


def losing_small_steps(correct: Steps) -> Any:
    """Ignore steps of fewer than 8 rows."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = correct.epoch(state, rows, batches)
        return (after if batches.order.shape[1] >= 8 else state), sums

    return epoch


def seeding(correct: Steps) -> Any:
    """Seed NumPy's global generator."""

    def put(*data: Any) -> Any:
        np.random.seed(0)
        return correct.put(*data)

    return put


def frameworks_arrays(correct: Steps) -> Any:
    """Return arrays of a class of the framework."""
    return lambda s: {n: a.view(sys.modules["jax"].Array) for n, a in correct.arrays(s).items()}


def making_all_dense(correct: Steps) -> Any:
    """Convert all sparse rows to a dense array."""
    return lambda X, *rest: correct.put(X.toarray() if issparse(X) else X, *rest)


def last_of_duplicates(correct: Steps) -> Any:
    """Keep one of several values in a place of sparse rows."""

    def put(X: Any, *rest: Any) -> Any:
        if issparse(X):
            dense = np.zeros(X.shape, X.dtype)
            dense[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data
            X = csr_array(dense)
        return correct.put(X, *rest)

    return put


def one_block(correct: Steps) -> Any:
    """Lose the steps after the first block."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        first = batches.order.copy()
        first[8:] = -1
        return correct.epoch(state, rows, batches._replace(order=first))

    return epoch


def sharing(correct: Steps) -> Any:
    """Share the result between threads."""
    place: list[Any] = []

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        place[:] = correct.epoch(state, rows, batches)
        time.sleep(0.005)
        return tuple(place)

    return epoch


def unwatched(correct: Steps) -> Any:
    """Declare predictions, and return none."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        return correct.epoch(state, rows, batches._replace(with_predictions=False))

    return epoch
