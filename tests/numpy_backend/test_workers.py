"""Work in parts: the same numbers wherever they are computed, and no waiting on a busy machine."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit.backend_kit import FlushToZero, flushes_to_zero, parts
from mlpkit.backend_kit.blas_threads import loaded
from mlpkit.backend_kit.usefulness import JUDGED_SECONDS, MOST_TIME
from mlpkit.numpy_backend import backpropagation, dense
from mlpkit.numpy_backend import shared_work as workers
from mlpkit.numpy_backend.shared_work import Workers, share
from mlpkit.numpy_backend.steps import backend
from mlpkit.testing import batches, close, data, recipe, spec

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three BLAS threads on four processors that seem to be idle, whatever there is."""
    before = [blas.get() for blas in loaded().of_process]
    for blas in loaded().of_process:
        blas.set(3)
    monkeypatch.setattr(workers, "n_processors", lambda: 4)
    monkeypatch.setattr(workers, "_workers", Workers())
    workers._workers.usefulness.most_time = np.inf
    yield
    for blas, n in zip(loaded().of_process, before, strict=True):
        blas.set(n)


def test_parts_run_at_the_same_time() -> None:
    """As many as BLAS may have threads; each part once."""
    meeting, done = threading.Barrier(3, timeout=30), []

    def work(part: int) -> None:
        if part < 3:
            meeting.wait()
        done.append(part)

    share(work, range(20))
    assert sorted(done) == list(range(20))
    assert workers._workers.started == 2


@pytest.mark.parametrize("first", [True, False])
def test_workers_compute_as_the_caller(first: bool) -> None:
    """Subnormal numbers are zero in all threads of a step, and in none of a prediction."""
    for enabled in (first, not first):
        meeting = threading.Barrier(3, timeout=30)
        found: list[bool] = []

        def work(part: int, meeting: Any = meeting, found: list[bool] = found) -> None:
            meeting.wait()
            found.append(flushes_to_zero())

        with FlushToZero(enabled):
            expected = flushes_to_zero()
            share(work, range(3))
        assert found == [expected] * 3


def test_every_part_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread limits BLAS itself: some libraries have a number for each calling thread."""
    limited, found = threading.local(), []

    class Limited:
        def __enter__(self) -> None:
            limited.here = True

        def __exit__(self, *_: object) -> None:
            limited.here = False

    monkeypatch.setattr(workers, "OneThread", Limited)
    meeting = threading.Barrier(3, timeout=30)

    def work(part: int) -> None:
        meeting.wait()
        found.append(getattr(limited, "here", False))

    with Limited():
        share(work, range(3))
    assert found == [True] * 3


def test_one_thread_is_no_thread_more() -> None:
    """Where the process grants BLAS one thread, all is done by the caller."""
    for blas in loaded().of_process:
        blas.set(1)
    names: set[str] = set()
    share(lambda part: names.add(threading.current_thread().name), range(5))
    assert names == {threading.current_thread().name}
    assert workers._workers.started == 0


@pytest.mark.parametrize("place", ["the caller", "a worker"])
def test_an_error_in_a_part(place: str) -> None:
    """It is raised, after the parts that were begun have ended; the workers live on."""
    meeting, running = threading.Barrier(2, timeout=30), []

    def work(part: int) -> None:
        if part < 2:
            meeting.wait()
            mine = threading.current_thread().name != "mlpkit-worker"
            if mine == (place == "the caller"):
                raise KeyError(part)
            running.append(part)
            time.sleep(0.05)
            running.remove(part)

    for _ in range(2):
        with pytest.raises(KeyError):
            share(work, range(2))
        assert not running


def test_workers_of_no_use_pause() -> None:
    """The caller computes all parts, and starts no thread."""
    workers._workers.usefulness.pause()
    names: set[str] = set()
    share(lambda part: names.add(threading.current_thread().name), range(5))
    assert names == {threading.current_thread().name}
    assert workers._workers.started == 0


@pytest.mark.parametrize("sleeper", ["the caller", "a worker"])
def test_workers_are_judged_by_their_parts(sleeper: str) -> None:
    """A thread that sleeps does not compute, as if it waited for a processor."""
    meeting = threading.Barrier(2, timeout=30)

    def work(part: int) -> None:
        meeting.wait()
        is_worker = threading.current_thread().name == "mlpkit-worker"
        if is_worker == (sleeper == "a worker"):
            time.sleep(1.2 * JUDGED_SECONDS)

    share(work, range(2))
    usefulness = workers._workers.usefulness
    assert not usefulness.is_paused  # most_time is infinite
    usefulness.most_time = MOST_TIME
    share(work, range(2))
    assert usefulness.is_paused


@pytest.mark.parametrize("recipe_options", [{}, {"max_gradient_norm": 0.1}])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(250, 300), (200, 150)])
def test_steps_have_the_same_bits(
    hidden: tuple[int, ...],
    dtype: str,
    is_sparse: bool,
    dropout: float,
    recipe_options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Large steps, with workers and without; and nearly the numbers of steps in one part.

    A step of the larger network divides the weights, and one of the smaller network adds gradients.
    """
    s = replace(spec(dtype=dtype), n_features=300, hidden_layer_sizes=hidden, dropout=dropout)
    network = dense.build(s, np.random.RandomState(0))
    n_weights = sum(array.size for array in network.arrays.values())
    assert (n_weights > backpropagation.MAX_SUMMED) == (hidden == (250, 300))
    rng = np.random.default_rng(0)
    X: Any = rng.standard_normal((1000, 300)) * (rng.random((1000, 300)) < 0.3)
    _, y, w = data(s, 1000)
    X = csr_array(X) if is_sparse else X

    def trained() -> list[Any]:
        steps = backend(network, s, recipe(**recipe_options))
        state, rows = steps.start(network.arrays), steps.put(X, y, w)
        sums, gradients = steps.gradient(state, rows, None, 3)
        state, epoch = steps.epoch(state, rows, batches(1000, 450))
        return [sums.loss, epoch.loss, epoch.penalty, gradients, steps.arrays(state)]

    many = trained()
    assert workers._workers.started >= 1
    monkeypatch.setattr(workers, "allowed_threads", lambda: 1)
    np.testing.assert_equal(many, trained())
    monkeypatch.setattr(parts, "DIVIDED_FLOPS", np.inf)
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    for divided, whole in zip(many, trained(), strict=True):
        close(divided, whole, tolerance)


@pytest.mark.parametrize("sparse", [False, True])
def test_predictions_have_the_same_bits(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows in several threads and in one."""
    monkeypatch.setattr(dense, "PART_FLOPS", 1e6)
    rng = np.random.default_rng(0)
    rows: Any = rng.standard_normal((12_345, 20))
    layers = (
        [rng.standard_normal((20, 30)), rng.standard_normal((30, 3))],
        [np.ones(30), np.ones(3)],
    )
    given = csr_array(rows) if sparse else rows
    many = dense.predict(given, *layers, ["relu"], "softmax")
    monkeypatch.setattr(workers, "allowed_threads", lambda: 1)
    one = dense.predict(given, *layers, ["relu"], "softmax")
    np.testing.assert_array_equal(many, one)
    whole = dense.activated(dense.outputs(rows, *layers, ["relu"]), "softmax")
    np.testing.assert_allclose(many, whole, rtol=1e-9)
