"""The NumPy backend, to which the other backends are compared, passes the conformance tests."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import softmax

from mlpkit.backend_kit import OneThread
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.products import SparseProduct
from mlpkit.numpy_backend.steps import backend
from mlpkit.testing import BackendTests, batches, data, recipe, spec

pytestmark = pytest.mark.once


class TestNumpy(BackendTests):
    backend = "numpy"


def test_a_step_of_padding_alone() -> None:
    """It has sums of zero, in its place between the others."""
    s = spec()
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    rows, plan = steps.put(*data(s, 12)), batches(12, 4)
    order = np.insert(plan.order, 1, -1, axis=0)
    wider = plan._replace(
        order=order, learning_rates=np.full(4, 0.01), seeds=np.arange(4, dtype=np.uint32)
    )
    state, sums = steps.epoch(steps.start(network.arrays), rows, plan)
    padded, padded_sums = steps.epoch(steps.start(network.arrays), rows, wider)
    np.testing.assert_equal(steps.arrays(padded), steps.arrays(state))
    for name in ("loss", "weight"):
        values = getattr(padded_sums, name)
        assert values[1] == 0
        np.testing.assert_array_equal(np.delete(values, 1), getattr(sums, name))


def test_a_step_has_no_temporaries_of_the_size_of_the_weights() -> None:
    """An epoch holds its copy of weights and slots, the gradient, and blocks beside them."""
    s = replace(spec(), hidden_layer_sizes=(1000, 1000))
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state, rows, plan = steps.start(network.arrays), steps.put(*data(s, 8)), batches(8, 8)
    size = state.weights.nbytes
    tracemalloc.start()
    try:
        steps.epoch(state, rows, plan)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (2 + len(recipe().solver.optimizer_state) + 0.5) * size


def test_an_epoch_of_wide_sparse_rows_has_no_dense_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither rows nor gradients are densified: an epoch holds the state, the gradient, and arrays
    of the features that occur in a step.
    """
    n, width = 400, 50_000
    s = replace(spec(), n_features=width, hidden_layer_sizes=(8,))
    rng = np.random.RandomState(0)
    X = csr_array(
        (rng.random_sample(20 * n), rng.randint(width, size=20 * n), 20 * np.arange(n + 1))
    )
    X.resize(n, width)
    network = dense.build(s, rng)
    steps = backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(X, *data(spec(), n)[1:])
    n_dense: list[int] = []

    def toarray(self: csr_array, *arguments: object, **options: object) -> np.ndarray:
        n_dense.append(self.shape[0])
        return csr_toarray(self, *arguments, **options)

    csr_toarray = csr_array.toarray
    monkeypatch.setattr(csr_array, "toarray", toarray)
    size = state.weights.nbytes
    tracemalloc.start()
    try:
        steps.epoch(state, rows, batches(n, 50))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(n_dense, default=0) <= 50
    # an older SciPy has larger temporary arrays
    assert peak < (2 + len(recipe().solver.optimizer_state) + 0.75) * size < 50 * width * 8


def test_the_gradient_of_sparse_rows_includes_repeated_and_empty_features() -> None:
    """Entries of one feature add up within a row, and the gradient of absent features is 0."""
    data_, columns, ends = np.array([1.0, 2.0, 4.0]), np.array([3, 3, 1]), np.array([0, 2, 2, 3])
    rows, delta = csr_array((data_, columns, ends), shape=(3, 6)), np.arange(6.0).reshape(3, 2)
    gradient = np.full((6, 2), np.nan)
    for part in (slice(0, 2), slice(2, 6)):
        SparseProduct(rows, delta).write(part, gradient[part])
    np.testing.assert_array_equal(gradient, rows.toarray().T @ delta)


def test_epochs_limit_blas_once_and_reuse_their_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch enters the limit of BLAS once for all steps. A later one allocates its state, its
    rows and small arrays, however many steps it has.
    """
    s = replace(spec(), hidden_layer_sizes=(300,))
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(*data(s, 640))
    entered: list[object] = []
    enter = OneThread.__enter__
    monkeypatch.setattr(OneThread, "__enter__", lambda self: entered.append(self) or enter(self))
    steps.epoch(state, rows, batches(640, 64))
    assert len(entered) == 1
    peaks = []
    for n in (128, 640):
        tracemalloc.start()
        try:
            steps.epoch(state, rows, batches(n, 64))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    copied = sum(a.nbytes for a in rows.data[:3])
    hidden = 64 * 300 * 8
    assert peaks[0] < sum(a.nbytes for a in state) + copied + hidden
    assert peaks[1] < peaks[0] + 3 * copied


def test_softmax_equals_scipys() -> None:
    """Of large numbers too; in place, rows of one column included."""
    for shape in ((7, 10), (1, 3), (5, 1)):
        z = np.random.RandomState(0).standard_normal(shape) * 500
        expected = softmax(z, axis=1)
        np.testing.assert_allclose(dense.activated(z, "softmax"), expected, rtol=1e-14, atol=0)
