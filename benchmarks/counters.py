"""Counts that do not depend on timing: compilations, calls of programs, bytes of a step."""

import os
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from benchmarks.cases import Case

Counts = dict[str, int | None]
COMPILED = "compilations, first fit"
AGAIN = "compilations, second fit"
DISPATCHES = "dispatches an epoch"
BYTES = "bytes of a step besides weights and optimizer state"


def counts(backend: str, case: Case, X: Any, y: Any) -> Counts:
    """Return the counts of two fits with different seeds; None is an unknown count."""
    warnings.simplefilter("ignore")
    return COUNTERS[backend](lambda seed, **kw: _fit(case, X, y, seed, backend, **kw))


def _fit(case: Case, X: Any, y: Any, seed: int, backend: Any, epochs: int | None = None) -> Any:
    import mlpkit

    clf = mlpkit.MLPClassifier(
        case.hidden,
        batch_size=case.batch,
        max_iter=epochs or min(case.epochs, 4),
        tol=0.0,
        n_iter_no_change=100,
        random_state=seed,
        backend=backend,
    )
    return clf.fit(X, y)


@contextmanager
def _peaks(steps_module: Any) -> Iterator[list[int]]:
    """The bytes of each epoch: the peak of Python's allocator, without the state it returns."""
    original, peaks = steps_module.backend, []

    def backend_with_peaks(*args: Any) -> Any:
        steps = original(*args)

        def epoch(state: Any, *rest: Any) -> Any:
            tracemalloc.start()
            result = steps.epoch(state, *rest)
            kept = sum(array.nbytes for array in result[0])
            peaks.append(tracemalloc.get_traced_memory()[1] - kept)
            tracemalloc.stop()
            return result

        return steps._replace(epoch=epoch)

    with mock.patch.object(steps_module, "backend", backend_with_peaks):
        yield peaks


def _calls(fit: Callable[..., Any], compiled: mock.Mock, calls: mock.Mock) -> Counts:
    """Count the calls of a compiler in two fits, and the calls of programs in one epoch."""
    fit(0)
    first = compiled.call_count
    fit(1)
    again = compiled.call_count - first
    calls.reset_mock()
    fit(2, epochs=1)
    return {COMPILED: first, AGAIN: again, DISPATCHES: calls.call_count}


def _numpy(fit: Callable[..., Any]) -> Counts:
    """Count the bytes of NumPy."""
    from mlpkit.numpy_backend import steps

    with _peaks(steps) as peaks:
        fit(0)
    return {COMPILED: 0, AGAIN: 0, DISPATCHES: None, BYTES: max(peaks)}


def _numba(fit: Callable[..., Any]) -> Counts:
    """Count the compiled functions, without those on disk, and the calls of the loop."""
    from mlpkit_numba import loop, programs, steps

    run = loop.Call.run
    with (
        mock.patch.dict(os.environ, MLPKIT_CACHE_DIR="off"),
        mock.patch.object(programs, "object_file", wraps=programs.object_file) as compiled,
        mock.patch.object(loop.Call, "run", autospec=True, side_effect=run) as calls,
    ):
        counted = _calls(fit, compiled, calls)
        with _peaks(steps) as peaks:
            fit(3, epochs=2)  # the second one uses the memory of the first one again
    return {**counted, BYTES: max(peaks)}


def _jax(fit: Callable[..., Any]) -> Counts:
    """Count the events of JAX; the bytes are the temporaries of XLA for a block of steps."""
    import jax

    from mlpkit_jax import steps
    from mlpkit_jax.runtime import computing

    compiled: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    calls: list[tuple[Any, Any]] = []
    original = steps.programs

    def counting(structure: Any) -> Any:
        programs = original(structure)

        def run(*args: Any) -> Any:
            calls.append((programs.run, jax.tree.map(jax.typeof, args)))
            return programs.run(*args)

        return programs._replace(run=run)

    with mock.patch.object(steps, "programs", counting):
        fit(0)
        first = len(compiled)
        fit(1)
        again = len(compiled) - first
        calls.clear()
        fit(2, epochs=1)
    with computing("float32"):
        planned = [program.lower(*args).compile().memory_analysis() for program, args in calls]
    bytes_ = max(p.temp_size_in_bytes for p in planned)
    return {COMPILED: first, AGAIN: again, DISPATCHES: len(calls), BYTES: bytes_}


def _tensorflow(fit: Callable[..., Any]) -> Counts:
    """Count the compiled programs; TensorFlow does not report their memory on a CPU."""
    from mlpkit_tensorflow import programs

    with (
        mock.patch.object(programs, "_compiled", wraps=programs._compiled) as compiled,
        mock.patch.object(programs, "epoch", wraps=programs.epoch) as calls,
    ):
        return {**_calls(fit, compiled, calls), BYTES: None}


COUNTERS: dict[str, Callable[[Callable[..., Any]], Counts]] = {
    "numpy": _numpy,
    "numba": _numba,
    "jax": _jax,
    "tensorflow": _tensorflow,
}
