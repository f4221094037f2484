"""Blocks of fixed shapes hold every step once, in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mlpkit.backend_kit import (
    BLOCK_BYTES,
    aligned,
    blocks,
    can_be_kept,
    gather_rows,
    padded_size,
    training_dataset,
)
from mlpkit.plugin import Batches, Dataset
from mlpkit.testing import batches

pytestmark = pytest.mark.once


@given(n=st.integers(1, 700), full=st.sampled_from([1, 5, 32, 200, 1000]))
def test_blocks_hold_every_step(n: int, full: int) -> None:
    """Rows with weight, step after step, are the rows of the order; sizes are buckets."""
    X = np.arange(2.0 * n).reshape(n, 2)
    rows = training_dataset(X, X[:, :1], None, "float64")
    plan = batches(n, min(full, n))
    results, steps = [], 0
    for block in blocks(rows, plan, full):
        assert block.X.shape[0] & (block.X.shape[0] - 1) == 0
        assert block.X.shape[1] == padded_size(min(full, n), full)
        for step in range(block.n_steps):
            live = block.w[step] > 0
            results.append(block.X[step][live])
            np.testing.assert_array_equal(block.y[step][live], block.X[step][live][:, :1])
        steps += block.n_steps
    assert steps == len(plan.order)
    np.testing.assert_array_equal(np.concatenate(results), X)


@given(sizes=st.lists(st.integers(1, 5000), max_size=50), full=st.sampled_from([32, 200, 512]))
def test_any_stream_needs_few_shapes(sizes: list[int], full: int) -> None:
    """At most twelve shapes, whatever the sizes."""
    shapes = set()
    for n in sizes:
        rows = training_dataset(np.zeros((n, 1)), np.zeros((n, 1)), None, "float32")
        shapes |= {block.X.shape for block in blocks(rows, batches(n, min(n, full)), full)}
    assert len(shapes) <= 12


@pytest.mark.parametrize("full", [200, 4096, 10**6])
def test_fine_sizes_add_few_rows(full: int) -> None:
    """At most an eighth of the rows of a large step is added, by at most eight sizes between two
    powers of two. Small steps have the sizes of any stream.
    """
    sizes = {n: padded_size(n, full, fine=True) for n in range(1, 8193)}
    for n, size in sizes.items():
        assert n <= size <= padded_size(n, full)
        assert size == padded_size(n, full) if n <= 256 else size <= 1.125 * n
    assert len({size for size in sizes.values() if 2048 < size <= 4096}) <= 8
    assert len(set(sizes.values())) <= 8 + 8 * 5


def test_sparse_rows_and_weights() -> None:
    """A sparse row comes dense; a weight is the row's, or 0 for padding."""
    X = np.eye(3, dtype=np.float32)
    rows = training_dataset(csr_array(X), X, np.array([1.0, 2.0, 3.0]), "float32")
    order = Batches(np.array([[2, 0, -1]]), np.array([0.1]), np.array([7], np.uint32))
    (block,) = blocks(rows, order, full=3)
    np.testing.assert_array_equal(block.X[0, :2], X[[2, 0]])
    assert block.w.tolist() == [[3, 1, 0]]
    assert block.X.dtype == block.w.dtype == block.learning_rates.dtype == np.float32


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("width", [10, 20_000, 200_000])
def test_blocks_are_bounded_by_bytes(width: int, sparse: bool) -> None:
    """A block of wide rows holds fewer steps, at least one; shapes stay few."""
    n, batch = 600, 20
    X = csr_array((n, width))
    rows = training_dataset(
        X if sparse else np.zeros((n, width), "float32"), np.zeros((n, 1)), None, "f4"
    )
    sizes, shapes = [], set()
    for block in blocks(rows, batches(n, batch), batch):
        sizes.append(block.X.nbytes)
        shapes.add(block.X.shape)
    step = batch * width * 4
    assert max(sizes) <= max(BLOCK_BYTES, step)
    assert len(sizes) == (1 if width == 10 else len(sizes))
    assert len(shapes) <= 3


def test_batches_beyond_the_rows() -> None:
    """A block is as large as the rows that there are."""
    rows = training_dataset(np.zeros((100, 2)), np.zeros((100, 1)), None, "float64")
    (block,) = blocks(rows, batches(100, 100), full=10**12)
    assert block.X.shape == (1, 128, 2)


def test_what_may_be_kept() -> None:
    """Sparse X is kept as dense blocks only while these are small."""
    y = np.zeros((2000, 1))
    for X, kept in (
        (csr_array((2000, 100_000)), False),
        (csr_array((2000, 1000)), True),
        (np.broadcast_to(0.0, (2000, 100_000)), True),
        (np.broadcast_to(0.0, (2000, 200_000)), False),
    ):
        assert can_be_kept(Dataset(X, y)) is kept


@pytest.mark.parametrize("shape", [(), (3,), (5, 7, 11)])
def test_aligned(shape: tuple[int, ...]) -> None:
    """The address is a multiple of 64."""
    for dtype in ("float32", "float64"):
        actual = aligned(shape, dtype)
        assert (actual.shape, actual.dtype) == (shape, dtype)
        assert actual.flags.c_contiguous and actual.flags.writeable
        assert actual.ctypes.data % 64 == 0


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_of_steps_that_are_not_run_are_not_copied(sparse: bool) -> None:
    """The first steps have their rows; those after them have weight 0 and any rows."""
    X = np.arange(40, dtype="float32").reshape(20, 2)
    rows = training_dataset(csr_array(X) if sparse else X, X[:, :1], None, "float32")
    (block,) = blocks(rows, batches(20, 4), full=4)
    assert block.X.shape == (8, 4, 2) and block.n_steps == 5
    np.testing.assert_array_equal(block.X[:5].reshape(20, 2), X)
    np.testing.assert_array_equal(block.y[:5].reshape(20, 1), X[:, :1])
    assert not block.w[5:].any()
    indices = np.array([[1, 2], [10**9, 10**9]])  # rows that do not exist are not read
    few = gather_rows(rows, indices, 1)
    np.testing.assert_array_equal(few[0][0], X[1:3])
