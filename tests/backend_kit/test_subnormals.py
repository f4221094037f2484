"""Zero in place of subnormal numbers."""

import os
import sys
from threading import Thread

import numpy as np
import pytest
from sklearn.datasets import load_iris

from mlpkit import MLPClassifier
from mlpkit.backend_kit import FlushToZero, flushes_to_zero, subnormals

SMALLEST = np.finfo(np.float32).tiny

pytestmark = pytest.mark.once
needs_mode = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64",
    reason="FlushToZero has no effect here",
)


def is_flushed() -> bool:
    """Whether a subnormal result is zero, of a ufunc and of a product by BLAS."""
    small, half = np.full((8, 8), SMALLEST), np.full((8, 8), np.float32(0.01))
    results = {not (small * half).any(), not (small @ half).any()}
    assert results == {flushes_to_zero()}
    return flushes_to_zero()


@needs_mode
def test_the_mode_is_that_of_the_innermost_context() -> None:
    """Each context restores the mode before it."""
    assert not is_flushed()
    with FlushToZero():
        assert is_flushed()
        with FlushToZero(False):
            assert not is_flushed()
        assert is_flushed()
    assert not is_flushed()


@needs_mode
def test_double_precision() -> None:
    """Subnormal numbers of float64 are zero, too."""
    product = np.full(9, 1e-300) * 1e-10
    assert np.all(product > 0)
    with FlushToZero():
        assert not np.any(np.full(9, 1e-300) * 1e-10)
        assert not np.any(product * 1.0)


@needs_mode
def test_errors_restore_the_mode() -> None:
    """An error in a context restores the mode before it."""
    with pytest.raises(ZeroDivisionError), FlushToZero():
        print(1 / 0)
    assert not is_flushed()


@needs_mode
def test_an_interrupt_while_the_context_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python does not call ``__exit__`` if ``__enter__`` was interrupted."""
    functions = subnormals._functions()
    assert functions is not None
    calls: list[object] = []

    def set_and_interrupt(environment: object) -> int:
        calls.append(environment)
        result = functions.set(environment)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return result

    interrupted = functions._replace(set=set_and_interrupt)
    monkeypatch.setattr(subnormals, "_functions", lambda: interrupted)
    with pytest.raises(KeyboardInterrupt), FlushToZero():
        pass
    assert not is_flushed()


@needs_mode
@pytest.mark.parametrize("enabled", [True, False])
def test_threads_begin_in_the_mode_of_their_creator(enabled: bool) -> None:
    """Threads that a backend starts in an epoch compute as it does."""
    found: list[bool] = []
    with FlushToZero(enabled):
        thread = Thread(target=lambda: found.append(is_flushed()))
        thread.start()
    thread.join()
    assert found == [enabled]


def test_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """The context has no effect on systems without this mode."""
    monkeypatch.setattr(subnormals, "_functions", lambda: None)
    with FlushToZero():
        assert not flushes_to_zero()
        assert SMALLEST * np.float32(0.01) > 0


@needs_mode
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_only_steps_are_in_the_mode() -> None:
    """Metrics and callbacks of users compute with subnormal numbers."""
    found: list[bool] = []

    def callback(report: object) -> None:
        found.append(is_flushed())

    X, y = load_iris(return_X_y=True)
    MLPClassifier((4,), max_iter=2, tol=0, callbacks=[callback]).fit(X, y)
    assert found == [False, False]
    assert not is_flushed()
