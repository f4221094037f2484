"""Conformance tests with rows on the host and on the device, blocks of rows, compilation."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from scipy.sparse import csr_array

import mlpkit.backend_kit.training_rows
import mlpkit_jax.training_rows
from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.objectives.solvers import adamw
from mlpkit.testing import BackendTests, batches, close, data, recipe, spec
from mlpkit_jax import runtime
from mlpkit_jax.steps import _ahead, backend

compiled: list[float] = []  # seconds of each compilation


def _count(event: str, duration_secs: float, **kwargs: str | int) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        compiled.append(duration_secs)


jax.monitoring.register_event_duration_secs_listener(_count)


class TestHostRows(BackendTests):
    backend = "jax"


class TestResidentRows(BackendTests):
    backend = "jax"
    options = {"resident": True}


def both(n: int, sparse: bool = False, resident: bool = False, **changes: Any) -> list[Any]:
    """The same training rows on NumPy and on JAX: (steps, state, rows) of each."""
    s, found = spec(), []
    network = dense.build(s, np.random.RandomState(1))
    X, y, w = data(s, n)
    for make in (numpy_backend, partial(backend, resident=resident)):
        steps = make(network, s, recipe(**changes))
        state = steps.start(network.arrays)
        found.append((steps, state, steps.put(csr_array(X) if sparse else X, y, w)))
    return found


@pytest.mark.parametrize("resident", [True, False])
def test_an_epoch_of_many_blocks_equals_numpy(resident: bool) -> None:
    """More blocks than are in flight, the last one short."""
    found = []
    for steps, state, rows in both(25_001, resident=resident, batch_size=500):
        state, sums = steps.epoch(state, rows, batches(25_001, 500))
        found.append({**steps.arrays(state), **sums._asdict()})
    assert found[1]["loss"].shape == (51,)
    close(found[0], found[1], 1e-9)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("n", [1, 511, 513, 5000])
def test_gradient_over_all_rows_equals_numpy(n: int, resident: bool) -> None:
    """Whether they fill one block or several; a second state finds the same rows."""
    (numpy_steps, first, numpy_rows), (steps, state, rows) = both(n, resident=resident)
    for _ in range(2):
        expected, gradient = numpy_steps.gradient(first, numpy_rows, None, 0)
        sums, found = steps.gradient(state, rows, None, 0)
        close({**gradient, **expected._asdict()}, {**found, **sums._asdict()}, 1e-9)
        first = numpy_steps.update(first, gradient, expected.weight, 0.1)
        state = steps.update(state, found, sums.weight, 0.1)


@pytest.mark.parametrize("resident", [True, False])
def test_large_sparse_rows_are_never_dense_as_a_whole(
    resident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond `KEPT_BYTES` they are gathered again each time, on the host."""
    monkeypatch.setattr(mlpkit_jax.training_rows, "KEPT_BYTES", 0)
    monkeypatch.setattr(mlpkit.backend_kit.training_rows, "KEPT_SPARSE_BYTES", 0)
    (numpy_steps, first, numpy_rows), (steps, state, rows) = both(5000, True, resident)
    for _ in range(2):
        close(
            numpy_steps.gradient(first, numpy_rows, None, 0)[1],
            steps.gradient(state, rows, None, 0)[1],
            1e-9,
        )
    assert rows.kept == [] and rows.sizes == mlpkit_jax.training_rows.HOST


def test_sparse_rows_move_to_the_device_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of any size; its last row is there, and padding is zero."""
    X = csr_array(np.random.RandomState(0).standard_normal((700, 5)))
    expected = np.zeros((704, 5))
    expected[:700] = X.toarray()
    with runtime.computing("float64"):
        for rows in (1, 8, 64):
            monkeypatch.setattr(
                mlpkit_jax.training_rows, "rows_within", lambda *arguments, n=rows: n
            )
            np.testing.assert_array_equal(mlpkit_jax.training_rows._densified(X), expected)


def test_wide_rows_wait_for_each_other() -> None:
    """Blocks in flight are bounded by bytes: none beside one that is large by itself."""
    found = [_ahead(np.broadcast_to(0.0, n)) for n in (10, 1 << 21, 1 << 22, 1 << 23, 1 << 24)]
    assert found == [4, 4, 4, 2, 1]
    assert _ahead(np.broadcast_to(0.0, 1 << 25)) == 0


def test_an_epoch_without_steps() -> None:
    """It gives the state back, and no sums."""
    _, (steps, state, rows) = both(8)
    after, sums = steps.epoch(state, rows, batches(0, 8))
    close(steps.arrays(state), steps.arrays(after), 0)
    assert (0,) == sums.loss.shape


def test_a_stream_of_any_sizes_compiles_a_few_times() -> None:
    """At most 12 times for sizes up to 512, and never again for what was seen."""
    rng = np.random.RandomState(0)
    sizes = [1, 512, 200, 201, *rng.randint(1, 513, 60).tolist()]

    def stream(**params: Any) -> None:
        model = MLPClassifier((9, 6), backend="jax", **params)
        for n in sizes:
            model.partial_fit(
                rng.standard_normal((n, 4)), rng.randint(3, size=n), classes=[0, 1, 2]
            )

    before = len(compiled)
    stream()
    assert 1 <= len(compiled) - before <= 12
    before = len(compiled)
    stream(alpha=0.1, learning_rate_init=0.1, random_state=7)
    assert 0 == len(compiled) - before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_epochs_in_one_call_need_no_other_program() -> None:
    """Eleven epochs are one block of 275 steps, and the three after them are padded to its size."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((200, 4)), rng.standard_normal(200)

    def fit(max_iter: int, hidden: int) -> int:
        before = len(compiled)
        model = MLPRegressor(hidden_layer_sizes=(hidden,), max_iter=max_iter, batch_size=8, tol=0)
        model.set_params(backend="jax").fit(X, y)
        return len(compiled) - before

    fit(14, hidden=9)  # the first fit of all
    assert fit(14, hidden=12) == fit(11, hidden=13) >= 1


def test_gradients_of_parts_compile_a_few_times() -> None:
    """For the part of a process of steps of 1024 rows, which has 512 on average."""
    s = spec(dtype="float32")
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe(batch_size=1024))
    state, rows = steps.start(network.arrays), steps.put(*data(s))
    before = len(compiled)
    for n in np.random.RandomState(0).binomial(1024, 0.5, 60):
        steps.gradient(state, rows, np.resize(np.arange(21), n), 0)
    assert 2 <= len(compiled) - before <= 6


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_second_fit_compiles_nothing(solver: str) -> None:
    """With another alpha, rate, seed and number of rows, held-out rows included."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((700, 4)), rng.standard_normal(700)

    def fit(n: int, **params: Any) -> None:
        model = MLPRegressor(
            hidden_layer_sizes=(8,), solver=solver, early_stopping=solver == "adam", **params
        )
        model.set_params(backend="jax", max_iter=4).fit(X[:n], y[:n])

    before = len(compiled)
    fit(700)
    first = len(compiled) - before
    fit(650, alpha=0.1, learning_rate_init=0.1, random_state=7)
    assert 1 <= first == len(compiled) - before


def test_another_decay_or_norm_compiles_nothing() -> None:
    """The strength of the weight decay, the factors and the largest norm are run-time values."""
    s = spec()

    def run(value: float) -> None:
        network = dense.build(s, np.random.RandomState(0))
        network = network._replace(learning_rate_factors={"coef_1": value})
        solver = adamw(weight_decay=value)
        steps = backend(network, s, recipe(solver=solver, max_gradient_norm=value))
        state, _ = steps.epoch(steps.start(network.arrays), steps.put(*data(s)), batches(21, 8))
        steps.arrays(state)

    run(0.5)
    before = len(compiled)
    run(0.25)
    assert 0 == len(compiled) - before
