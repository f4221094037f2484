"""BLAS has one thread while mlpkit computes, and its number of before afterwards."""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from threading import Barrier, Event, Lock, Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from mlpkit import MLPClassifier
from mlpkit.backend_kit import OneThread, allowed_threads, blas_threads
from mlpkit.backend_kit.blas_threads import Libraries, Library, Limit, loaded
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Solver

pytestmark = pytest.mark.once

X, Y = make_classification(60, random_state=0)


def numbers() -> set[int]:
    """The BLAS threads of the process, as threadpoolctl reports them."""
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def set_all(n: int) -> None:
    """Give every BLAS n threads."""
    for libraries in loaded():
        for blas in libraries:
            blas.set(n)


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    """A process with three BLAS threads, whatever the machine has."""
    before = [[blas.get() for blas in libraries] for libraries in loaded()]
    set_all(3)
    assert numbers() == {3}
    yield
    for libraries, each in zip(loaded(), before, strict=True):
        for blas, n in zip(libraries, each, strict=True):
            blas.set(n)


def together(*work: Callable[[], object]) -> None:
    """Run functions in threads of their own; raise what one of them raises."""
    errors: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as error:
            errors.append(error)

    running = [Thread(target=run, args=(one,)) for one in work]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert not errors, errors


def test_nested() -> None:
    """The outermost block restores the number, after an error as well."""

    def failing() -> None:
        with OneThread():
            with OneThread():
                assert numbers() == {1}
            assert numbers() == {1} and allowed_threads() == 3
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert numbers() == {3} and allowed_threads() == 3


def test_out_of_order() -> None:
    """The thread that came first leaves first: the other one keeps its single thread."""
    both, first_left, seen = Barrier(2, timeout=30), Event(), []

    def first() -> None:
        with OneThread():
            both.wait()
        first_left.set()

    def second() -> None:
        with OneThread():
            both.wait()
            first_left.wait(30)
            seen.append(numbers())

    together(first, second)
    assert seen == [{1}] and numbers() == {3}


def test_many_threads() -> None:
    """A thousand blocks in each of eight threads."""

    def blocks() -> None:
        for _ in range(1000):
            with OneThread(), OneThread():
                assert all(blas.get() == 1 for blas in loaded().of_process)

    together(*[blocks] * 8)
    assert numbers() == {3}


def test_one_thread_at_a_time_changes_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions of BLAS are never called by two threads, when blocks begin or when they end."""
    busy, number, start = Lock(), 3, Barrier(4, timeout=30)

    def alone(new: int = 0) -> int:
        nonlocal number
        assert busy.acquire(blocking=False)
        time.sleep(0.001)
        number = new or number
        busy.release()
        return number

    monkeypatch.setattr(blas_threads, "loaded", lambda: Libraries((Library(alone, alone),), (), ()))
    monkeypatch.setattr(blas_threads, "_limit", Limit())

    def blocks() -> None:
        start.wait()
        for _ in range(5):
            with OneThread():
                pass

    together(*[blocks] * 4)
    assert number == 3


def test_a_number_set_meanwhile_stays() -> None:
    """What the user sets within a block is there after it; the next block has one thread."""
    with OneThread():
        set_all(2)
    assert numbers() == {2}
    with OneThread():
        set_all(4)
        with OneThread():
            assert numbers() == {1}
    assert numbers() == {4}


def test_an_interrupt_at_any_line() -> None:
    """An exception while a block is entered or left leaves no limit behind."""
    for k in range(1, 60):
        left, raised = k, False

        def trace(frame: Any, event: str, arg: Any) -> Any:
            nonlocal left, raised
            name = frame.f_code.co_name
            if frame.f_code.co_filename != blas_threads.__file__ or name == "__del__":
                return None
            left -= event == "line"
            if left == 0 and not raised:
                raised = True
                raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        try:
            sys.settrace(trace)
            with OneThread():
                pass
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert numbers() == {3} and allowed_threads() == 3, k
        if not raised:
            break
    assert 10 < k < 59


def test_overlapping_fits() -> None:
    """Two fits, the first of which ends while the other one is in a step."""
    both, first_done, seen = Barrier(2, timeout=30), Event(), []

    def stepping(wait: Callable[[], object]) -> MLPClassifier:
        def update(
            xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
        ) -> Any:
            wait()
            seen.append(numbers())
            return p - learning_rate * g, optimizer_state

        return MLPClassifier((300,), solver=Solver(update=update), max_iter=1, batch_size=60)

    def first() -> None:
        with warnings.catch_warnings():
            stepping(both.wait).fit(X, Y)
        first_done.set()

    def second() -> None:
        stepping(lambda: (both.wait(), first_done.wait(30))).fit(X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        together(first, second)
    assert seen == [{1}, {1}] and numbers() == {3}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_no_operation_of_a_fit_or_a_prediction_has_more(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every layer of every step and prediction; between epochs the number is the user's."""
    wide = np.random.RandomState(0).standard_normal((60, 500))
    within: list[set[int]] = []
    between: list[set[int]] = []

    def relu(z: Any) -> None:
        within.append(numbers())
        np.maximum(z, 0, out=z)

    monkeypatch.setitem(dense.ACTIVATIONS, "relu", relu)
    clf = MLPClassifier((300,), solver=solver, max_iter=2, random_state=0)
    clf.set_params(callbacks=lambda report: between.append(numbers()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(wide, Y)
        if solver == "adam":
            clf.set_params(early_stopping=True).fit(wide, Y)
    clf.predict(wide)
    clf.predict_proba(wide[:1])
    clf.predict(np.resize(wide, (3000, 500)))
    assert within and set.union(*within) == {1}
    assert set.union(*between) == ({1} if solver == "lbfgs" else {3})
    assert numbers() == {3}


def test_the_penalty_of_a_gradient_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that `Steps.gradient` and `Steps.update` compute is inside of a block."""
    from mlpkit.numpy_backend import steps as numpy_backend
    from mlpkit.testing import data, recipe, spec

    s = spec()
    network = dense.build(s, np.random.RandomState(0))
    steps = numpy_backend.backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(*data(s, 8))
    held = 0

    class Counted:
        def __enter__(self) -> None:
            nonlocal held
            held += 1

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(numpy_backend, "OneThread", Counted)
    sums, gradients = steps.gradient(state, rows, None, 0)
    steps.update(state, gradients, 8.0, 0.1)
    assert held == 2 and sums.penalty > 0


class FakeLibrary:
    """The number of threads of a library."""

    def __init__(self) -> None:
        self.number = 3
        self.blas = Library(lambda: self.number, lambda n: setattr(self, "number", n))


def test_a_library_that_a_module_loads_within_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next block limits it, although the outer one is still open; both numbers are restored."""
    first, second = FakeLibrary(), FakeLibrary()
    process = [first.blas]
    monkeypatch.setattr(blas_threads, "_find", lambda: Libraries(tuple(process), (), ()))
    monkeypatch.setattr(blas_threads, "_limit", Limit())
    monkeypatch.setattr(blas_threads, "_found", (0, Libraries((), (), ())))
    with OneThread():
        assert (first.number, second.number) == (1, 3)
        process.append(second.blas)
        monkeypatch.setitem(sys.modules, "module_with_blas", ModuleType("module_with_blas"))
        with OneThread():
            assert (first.number, second.number) == (1, 1) and allowed_threads() == 3
        assert (first.number, second.number) == (1, 1)
    assert (first.number, second.number) == (3, 3)


def test_libraries_are_not_searched_in_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes a millisecond, so it is done only after an import."""
    with OneThread():
        pass
    monkeypatch.setattr(blas_threads, "_find", lambda: pytest.fail("searched again"))
    with OneThread():
        assert allowed_threads() == 3


def test_a_forked_child_has_the_number_of_before() -> None:
    """It does not inherit the blocks of threads that it lacks, but that of its own thread."""
    code = """
import os, threading
from mlpkit.backend_kit.blas_threads import OneThread, loaded
blas = loaded().of_process
for one in blas: one.set(3)
inside, end = threading.Event(), threading.Event()
def other():
    with OneThread(): inside.set(); end.wait(30)
thread = threading.Thread(target=other); thread.start(); assert inside.wait(30)
def child(expected):
    pid = os.fork()
    if not pid:
        os._exit([one.get() for one in blas] != [expected] * len(blas))
    return os.waitpid(pid, 0)[1]
found = [child(3)]
with OneThread(): found.append(child(1))
end.set(); thread.join()
print(found, [one.get() for one in blas] == [3] * len(blas))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[0,", "0]", "True"]
