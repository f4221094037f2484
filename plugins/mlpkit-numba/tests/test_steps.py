"""Rows, products and processes of the Numba backend."""

import os
import threading
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits

from mlpkit import MLPClassifier
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.objectives.solvers import adamw
from mlpkit.plugin import Arrays, Batches, Spec
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit_numba import arguments, blas, loop
from mlpkit_numba import steps as numba_steps
from mlpkit_numba.steps import backend


def trained(s: Spec, X: Any, y: Any, w: Any, plan: Batches, **changes: Any) -> list[Arrays]:
    """All arrays, sums and outputs after two epochs, on NumPy and on Numba."""
    network, found = dense.build(s, np.random.RandomState(1)), []
    for make in (numpy_backend, backend):
        steps = make(network, s, recipe(**changes))
        state, rows = steps.start(network.arrays), steps.put(X, y, w)
        for _ in range(2):
            state, sums = steps.epoch(state, rows, plan)
        arrays = {**steps.arrays(state), **steps.optimizer_state(state)}
        found.append({**arrays, **sums._asdict(), "z": steps.outputs(state, X)})
    return found


@pytest.mark.parametrize("n_outputs", [1, 2, 17])
@pytest.mark.parametrize("units", [(), (1,), (33, 1, 5)])
@pytest.mark.parametrize("size", [1, 2, 16])
def test_products_of_any_shape_equal_numpy(
    n_outputs: int, units: tuple[int, ...], size: int
) -> None:
    """One row, one unit and one output have their own loops."""
    s = replace(spec("squared_error"), hidden_layer_sizes=units, n_outputs=n_outputs)
    X, y, w = data(s)
    numpy, numba = trained(s, X, y, w, batches(21, size))
    close(numpy, numba, 1e-9)


@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_rows_equal_dense_ones(share: float, index: Any) -> None:
    """With few values, which are not copied into dense rows, and with many; with values that are
    stored twice; in steps of one row and of several blocks.
    """
    rng = np.random.RandomState(0)
    s = replace(spec(), n_features=40)
    _, y, w = data(spec(), 2500)
    dense_X = rng.standard_normal((2500, 40)) * (rng.random_sample((2500, 40)) < share)
    X = csr_array(dense_X)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    twice = csr_array(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape
    )
    for size in (1, 1250):
        plan = batches(2500, 1250) if size > 1 else batches(30, 1)
        expected, _ = trained(s, dense_X, y, w, plan)
        for other in (X, twice):
            close(expected, trained(s, other, y, w, plan)[1], 1e-9)


def test_wide_sparse_rows_are_never_dense() -> None:
    """An epoch over 100,000 columns allocates what the weights need, and no dense rows."""
    n, width = 2000, 100_000
    rng = np.random.RandomState(0)
    X = csr_array(
        (rng.random_sample(10 * n), rng.randint(width, size=10 * n), 10 * np.arange(n + 1))
    )
    X.resize(n, width)
    s = replace(spec(), n_features=width, hidden_layer_sizes=(4,))
    network = dense.build(s, rng)
    steps = backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(X, *data(spec(), n)[1:])
    steps.epoch(state, rows, batches(200, 200))
    tracemalloc.start()
    try:
        steps.epoch(state, rows, batches(n, 200))
        steps.gradient(state, rows, None, 0)
        steps.outputs(state, X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    weights = 8 * 4 * width
    assert peak < 6 * weights < 200 * width * 8 / 8, f"{peak / weights:.1f} times the weights"


def test_memory_maps_are_read_in_place(tmp_path: Any) -> None:
    """X in a file, in either memory order, is not copied."""
    s = spec()
    X, y, w = data(s, 3000)
    for order in ("C", "F"):
        np.save(tmp_path / "X.npy", np.asarray(X, order=order))  # type: ignore[call-overload]
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        rows = backend(dense.build(s, np.random.RandomState(1)), s, recipe()).put(mapped, y, w)
        assert np.shares_memory(rows.arrays[0], mapped)
        close(*trained(s, mapped, y, w, batches(3000, 700)), 1e-9)


def test_large_steps_consist_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number changes no number by more than rounding, dropout and predictions included."""
    s = replace(spec(activation="tanh"), dropout=0.3)
    X, y, w = data(s, 90)
    w[::7] = 0
    plan = batches(90, 45)._replace(with_predictions=True)
    found = []
    for rows in (1024, 7, 1):
        monkeypatch.setattr(arguments, "MOST_ROWS", rows)
        found.append(trained(s, X, y, w, plan)[1])
    for other in found[1:]:
        close(found[0], other, 1e-9)


def test_long_epochs_consist_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python reacts to an interrupt between them; their number changes no bit."""
    s = replace(spec(activation="tanh"), dropout=0.3)
    calls: list[int] = []
    run = loop.Call.run
    monkeypatch.setattr(loop.Call, "run", lambda *args: (calls.append(1), run(*args)))
    found = []
    for most in (1 << 33, 1):
        monkeypatch.setattr(numba_steps, "MOST_PRODUCTS", most)
        found.append(trained(s, *data(s), batches(21, 4))[1])
        calls.append(0)
    assert calls.index(0) == 2 + 1  # two epochs, outputs
    assert len(calls) - calls.index(0) - 2 == 2 * 6 + 1  # two epochs of six steps, outputs
    close(*found, 0)


def test_rows_of_weight_zero_are_left_out() -> None:
    """They change no bit, whatever they contain."""
    s = spec()
    X, y, w = data(s)
    X[5], y[5], w[5] = np.nan, np.inf, 0.0
    order = np.array([[0, 5, 1, 2, 5, 3, 4, -1]])
    plan = Batches(order, np.full(1, 0.01), np.zeros(1, np.uint32))
    steps = backend(dense.build(s, np.random.RandomState(1)), s, recipe())
    state = steps.start(dense.build(s, np.random.RandomState(1)).arrays)
    rows = steps.put(X, y, w)
    with_row, _ = steps.epoch(state, rows, plan)
    without, _ = steps.epoch(state, rows, plan._replace(order=np.where(order == 5, -1, order)))
    close(steps.arrays(without), steps.arrays(with_row), 0)


def test_divergence_is_visible() -> None:
    """Infinite weights give losses that are not finite."""
    s = spec("squared_error")
    network = dense.build(s, np.random.RandomState(1))
    steps = backend(network, s, recipe())
    state = steps.start({**network.arrays, "coef_1": np.full((7, 4), np.inf)})
    _, sums = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
    assert not np.isfinite(sums.loss).any()


def test_decay_factors_and_norms_equal_numpy() -> None:
    """In segments that end neither where the penalty ends nor where a layer ends."""
    s = spec()
    network = dense.build(s, np.random.RandomState(1))._replace(
        learning_rate_factors={"coef_1": 0.5, "intercept_0": 0.5},
        weight_decay_factors={"intercept_0": 2.0, "coef_2": 0.0},
    )
    found = []
    for make in (numpy_backend, backend):
        r = recipe(solver=adamw(weight_decay=0.5), max_gradient_norm=0.5, alpha=0.3)
        steps = make(network, s, r)
        state, _ = steps.epoch(steps.start(network.arrays), steps.put(*data(s)), batches(21, 8))
        found.append({**steps.arrays(state), **steps.optimizer_state(state)})
    close(*found, 1e-9)


def test_a_busy_machine_changes_no_bit() -> None:
    """Two fits at the same time have the weights of one alone, since no product is divided."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((600, 300)), np.arange(600) % 3

    def fit(found: list[Any]) -> None:
        clf = MLPClassifier((300, 300), backend="numba", random_state=0, tol=10.0)
        found.append(clf.set_params(n_iter_no_change=1).fit(X, y).coefs_[1])

    alone: list[Any] = []
    fit(alone)
    found: list[Any] = []
    threads = [threading.Thread(target=fit, args=(found,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for weights in found:
        np.testing.assert_array_equal(alone[0], weights)


def test_blas_has_one_thread_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """All libraries of the process, SciPy's among them; the numbers of before are restored."""

    def numbers() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    compiled, within = loop.loop("float64"), []
    observed = lambda *addresses: (within.append(numbers()), compiled(*addresses))  # noqa: E731
    monkeypatch.setattr(loop, "loop", lambda dtype: observed)
    monkeypatch.setattr(loop, "gemm", blas.address)
    s = spec()
    with threadpool_limits(3, user_api="blas"):
        before = numbers()
        trained(s, *data(s), batches(21, 8))
        assert numbers() == before == {3}
    assert within == [{1}] * 3  # two epochs, outputs


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_trains() -> None:
    """After a fit in the parent, the child finds the same weights."""
    s = spec()
    steps = backend(dense.build(s, np.random.RandomState(1)), s, recipe())
    state, rows = steps.start(dense.build(s, np.random.RandomState(1)).arrays), steps.put(*data(s))
    expected = steps.arrays(steps.epoch(state, rows, batches(21, 8))[0])
    child = os.fork()
    if child == 0:
        try:
            found = steps.arrays(steps.epoch(state, rows, batches(21, 8))[0])
            os._exit(0 if all(np.array_equal(found[n], a) for n, a in expected.items()) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
