"""OpenMP has one thread in a context that requests it."""

from collections.abc import Iterator
from threading import Thread

import pytest

from mlpkit.backend_kit import OneThread
from mlpkit.backend_kit.blas_threads import loaded

pytestmark = pytest.mark.once


def set_all(n: int) -> None:
    """Give OpenMP n threads in this thread."""
    for openmp in loaded().openmp:
        openmp.set(n)


def found() -> set[int]:
    """The numbers of threads of this thread."""
    return {openmp.get() for openmp in loaded().openmp}


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    """Three threads, whatever the machine has; scikit-learn has a library of OpenMP."""
    before = [openmp.get() for openmp in loaded().openmp]
    assert before
    set_all(3)
    yield
    for openmp, n in zip(loaded().openmp, before, strict=True):
        openmp.set(n)


def test_one_thread_on_request() -> None:
    """Contexts may be nested."""
    with OneThread():
        assert found() == {3}
        with OneThread(openmp=True):
            assert found() == {1}
            with OneThread(openmp=True), OneThread():
                assert found() == {1}
            assert found() == {1}
        assert found() == {3}


def test_other_threads_have_numbers_of_their_own() -> None:
    """A number that another thread sets is not restored."""
    with OneThread(openmp=True):
        other = Thread(target=set_all, args=(2,))
        other.start()
        other.join()
        assert found() == {1}
    assert found() == {3}
