"""Threads that take parts of a call: the same bits with any number of them, and none left."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from mlpkit.backend_kit import Usefulness
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit_numba import blas, helpers, loop
from mlpkit_numba.steps import backend


@pytest.fixture(autouse=True)
def new_usefulness(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests waited for is forgotten."""
    monkeypatch.setattr(helpers, "usefulness", Usefulness())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The threads that calls start."""
    threads: list[Any] = []
    enter = helpers.Helpers.__enter__
    monkeypatch.setattr(
        helpers.Helpers, "__enter__", lambda own: (threads.extend(own.threads), enter(own))
    )
    return threads


def with_helpers(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let each call have n helpers if it consists of parts."""
    monkeypatch.setattr(helpers, "number", lambda n_parts, flops: n if n_parts > 1 else 0)


def trained(make: Any = backend, n: int = 1300, is_sparse: bool = False, **changes: Any) -> Any:
    """Sums, gradients, weights and outputs of a network whose steps consist of parts."""
    dtype, dropout = changes.pop("dtype", "float64"), changes.pop("dropout", 0.0)
    s = spec(activation="tanh", dtype=dtype)
    s = replace(s, n_features=300, hidden_layer_sizes=(250, 300), dropout=dropout)
    network = dense.build(s, np.random.RandomState(0))
    rng = np.random.default_rng(0)
    X: Any = rng.standard_normal((n, 300)) * (rng.random((n, 300)) < 0.09)
    _, y, w = data(s, n)
    X = csr_array(X) if is_sparse else X
    steps = make(network, s, recipe(**changes))
    state, rows = steps.start(network.arrays), steps.put(X, y, w)
    sums, gradients = steps.gradient(state, rows, None, 3)
    state, epoch = steps.epoch(state, rows, batches(n, 500)._replace(with_predictions=True))
    state = steps.update(state, gradients, 2.0, 0.01)
    found = {**sums._asdict(), "outputs": steps.outputs(state, X), **steps.arrays(state)}
    own_sums = {f"epoch {name}": values for name, values in epoch._asdict().items()}
    own_gradients = {f"gradient of {name}": values for name, values in gradients.items()}
    return {**found, **own_sums, **own_gradients}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dtype": "float32"},
        {"dropout": 0.3},
        {"is_sparse": True},
        {"max_gradient_norm": 0.01},
    ],
    ids=str,
)
def test_the_number_of_helpers_changes_no_bit(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    """In epochs, gradients over several blocks, updates and outputs; nearly those of NumPy."""
    found = []
    for n in (0, 1, 3):
        with_helpers(monkeypatch, n)
        found.append(trained(**changes))
    assert len(started) >= 4 * (1 + 3)  # an epoch, a gradient, an update, outputs
    for other in found[1:]:
        np.testing.assert_equal(found[0], other)
    tolerance = 1e-3 if "dtype" in changes else 1e-9
    close(trained(numpy_backend, **changes), found[0], tolerance)


@pytest.mark.skipif(not blas.has_wide_vectors(), reason="this processor has no AVX-512")
def test_tiles_and_blas_train_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of them this processor uses."""
    with_helpers(monkeypatch, 1)
    found = []
    for product in (blas.address, blas.tiles):
        monkeypatch.setattr(loop, "gemm", product)
        found.append(trained())
    close(*found, 1e-9)


def test_no_thread_is_left(monkeypatch: pytest.MonkeyPatch, started: list[Any]) -> None:
    """Helpers end with their call."""
    with_helpers(monkeypatch, 2)
    before = threading.active_count()
    trained()
    assert len(started) == 4 * 2
    assert threading.active_count() == before


def test_helpers_end_after_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    """Also if it comes after they are started and before the call."""
    with_helpers(monkeypatch, 2)
    make: Callable[[str], Any] = loop.loop

    def interrupted(dtype: str) -> Any:
        compiled = make(dtype)

        def run(integers: int, numbers: int, assists: int) -> None:
            if not assists:
                raise KeyboardInterrupt
            compiled(integers, numbers, assists)

        return run

    monkeypatch.setattr(loop, "loop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained()
    assert len(started) == 2
    assert not any(thread.is_alive() for thread in started)


def test_a_call_needs_no_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system has no more threads, it computes all parts."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with_helpers(monkeypatch, 0)
    expected = trained()
    with_helpers(monkeypatch, 2)
    monkeypatch.setattr(helpers.Thread, "start", start)
    np.testing.assert_equal(trained(), expected)


def test_helpers_of_no_use_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call goes on alone, as do the next ones, and the numbers are the same."""
    number = helpers.number
    with_helpers(monkeypatch, 0)
    expected = trained(n=20_000)
    helpers.usefulness.most_time = -1.0
    with_helpers(monkeypatch, 1)
    np.testing.assert_equal(trained(n=20_000), expected)
    assert helpers.usefulness.is_paused
    monkeypatch.setattr(helpers, "n_processors", lambda: 8)
    with threadpool_limits(3, user_api="blas"):
        assert number(2, 1e12) == 0
        monkeypatch.setattr(helpers, "usefulness", Usefulness())
        assert number(2, 1e12) == 1


def test_the_number_of_helpers_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """By processors, threads of BLAS and parts; short calls have none."""
    monkeypatch.setattr(helpers, "n_processors", lambda: 8)
    with threadpool_limits(3, user_api="blas"):
        assert helpers.number(4, 1e12) == 2
        assert helpers.number(2, 1e12) == 1
        assert helpers.number(1, 1e12) == 0
        assert helpers.number(4, 1e6) == 0
    with threadpool_limits(1, user_api="blas"):
        assert helpers.number(4, 1e12) == 0
    monkeypatch.setattr(helpers, "system_functions", lambda: None)
    assert helpers.number(4, 1e12) == 0
