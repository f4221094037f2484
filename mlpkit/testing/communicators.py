"""Conformance tests of communicators."""

import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mlpkit.testing import rank_tasks
from mlpkit.testing.conformance import ConformanceTests
from mlpkit.testing.ranks import PATIENCE, Outcome, resolved, spawned, start, waited_for

EACH_SIZE = pytest.mark.parametrize("size", [1, 2, 3])
EACH_VICTIM = pytest.mark.parametrize("victim", [0, 1])
N_LASTING = 3  # processes that all tests use
VICTIMS = {("kill", 0): 3, ("kill", 1): 4, ("stop", 1): 5}  # processes that are used once


class CommunicatorTests(ConformanceTests):
    """Conformance tests of a communicator, in groups of one to three processes.

    Subclass it and set ``communicator``.

    Attributes
    ----------
    communicator : str
        Name of the communicator.
    options : dict, default={}
        Options of the communicator.
    timeout : float, default=60.0
        Seconds after which a process that does not answer is an error. It is longer than a test
        takes on a busy machine.
    short_timeout : float, default=3.0
        The timeout of the tests in which a process does not answer.
    exempt : dict of str, default={}
        Tests that the communicator cannot pass, with the reason for each.

    Notes
    -----
    By default, the ranks run in processes that `multiprocessing` spawns. A communicator that needs
    other processes, such as the workers of a cluster, overrides `processes`.

    Examples
    --------
    >>> from mlpkit.testing import CommunicatorTests
    >>> class TestXGBoost(CommunicatorTests):
    ...     communicator = "xgboost"
    """

    communicator: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    timeout: ClassVar[float] = 60.0
    short_timeout: ClassVar[float] = 3.0
    _opened: ClassVar[tuple[ExitStack, list[Executor]] | None] = None

    @classmethod
    def processes(cls, n: int) -> AbstractContextManager[list[Executor]]:
        """Return a context manager that starts processes on this machine.

        Parameters
        ----------
        n : int
            The number of processes.

        Returns
        -------
        context manager
            Its value is a list of n instances of `concurrent.futures.Executor`, each of which runs
            functions in a process of its own. Some of the processes are killed by the tests.
        """
        return spawned(n)

    @staticmethod
    def kill() -> None:
        """Kill the process that calls it; only fakes override it."""
        os.kill(os.getpid(), signal.SIGKILL)

    @staticmethod
    def stop() -> None:
        """Stop the process that calls it, which remains connected; only fakes override it."""
        os.kill(os.getpid(), signal.SIGSTOP)

    @staticmethod
    def end(process: int) -> None:
        """End a process by its identifier; only fakes override it."""
        with suppress(ProcessLookupError):  # it has ended
            os.kill(process, signal.SIGKILL)

    @classmethod
    def teardown_class(cls) -> None:
        """End the processes."""
        opened, cls._opened = cls._opened, None
        if opened is not None:
            opened[0].close()

    def executors(self) -> list[Executor]:
        """Return the executors of all processes, which start when they are used."""
        cls = type(self)
        if cls._opened is None:
            stack = ExitStack()
            cls._opened = stack, stack.enter_context(cls.processes(N_LASTING + len(VICTIMS)))
        return cls._opened[1]

    def run(self, folder: Path, size: int, task: Callable[..., Any], *args: Any) -> list[Any]:
        """Return what a task returns in each rank; errors in the ranks are errors of the test."""
        executors = self.executors()[:size]
        futures = start(executors, self.make(), folder, self.timeout, task, *args)
        outcomes = [future.result(2 * PATIENCE) for future in futures]
        errors = [f"rank {i}: {o.error}" for i, o in enumerate(outcomes) if o.error]
        assert not errors, f"the ranks raised {errors}"
        return [o.value for o in outcomes]

    def make(self) -> Callable[[], Any]:
        """Return a function that makes the communicator, in any process."""
        return partial(resolved, self.communicator, dict(self.options))

    @EACH_SIZE
    def test_ranks_are_those_requested(self, size: int, tmp_path: Path) -> None:
        """Each process has the rank and the size with which it joined."""
        results = self.run(tmp_path, size, rank_tasks.identity)
        assert results == [(rank, size) for rank in range(size)]

    @EACH_SIZE
    def test_sums_equal_numpys(self, size: int, tmp_path: Path) -> None:
        """The sums of arrays of each dtype and shape, also without dimensions or without values,
        are those of NumPy, in new arrays of the same shape and dtype.
        """
        for sums in self.run(tmp_path, size, rank_tasks.sums):
            for (shape, dtype), total in zip(rank_tasks.ARRAYS, sums, strict=True):
                terms = [rank_tasks.example(rank, shape, dtype) for rank in range(size)]
                expected = np.sum(terms, axis=0, dtype=dtype)
                assert isinstance(total, np.ndarray), f"`add` returned {total!r}"
                assert (total.shape, total.dtype) == (shape, np.dtype(dtype))
                tolerance = 0.0 if dtype == "int64" else 8 * float(np.finfo(dtype).eps)
                np.testing.assert_allclose(total, expected, tolerance, 1e3 * tolerance)

    def test_sums_have_the_same_bits(self, tmp_path: Path) -> None:
        """The sums are the same bits in all processes, although the order of additions matters."""
        first, *others = self.run(tmp_path, 3, rank_tasks.sums)
        for other in others:
            for a, b in zip(first, other, strict=True):
                assert a.tobytes() == b.tobytes(), f"the sums of shape {a.shape} differ"

    def test_large_arrays(self, tmp_path: Path) -> None:
        """The sum of five million numbers is exact where NumPy's is, and the same everywhere."""
        (errors, digest), *others = self.run(tmp_path, 3, rank_tasks.large_sum)
        assert errors == 0
        assert all(other == (0, digest) for other in others)

    def test_arrays_are_not_shared(self, tmp_path: Path) -> None:
        """`add` does not write to its argument, which may be read-only, and a change of a result,
        or of the argument after the call, changes no other result.
        """
        for unchanged, later in self.run(tmp_path, 2, rank_tasks.modified_arrays):
            assert unchanged, "`add` modified its argument"
            assert later == [3.0] * len(later), "a later change of an array changed another result"

    def test_same_returns_the_value_of_rank_0(self, tmp_path: Path) -> None:
        """`same` returns nested, empty and large values, and None, as rank 0 passes them."""
        expected = rank_tasks.values(0)
        for actual in self.run(tmp_path, 3, rank_tasks.same_values):
            np.testing.assert_equal(actual, expected)

    def test_gather_returns_all_values_in_order(self, tmp_path: Path) -> None:
        """`gather` returns nested, empty and large values of all ranks in the order of the ranks,
        also if their sizes differ.
        """
        expected = [list(v) for v in zip(*map(rank_tasks.values, range(3)), strict=True)]
        for actual in self.run(tmp_path, 3, rank_tasks.gathered_values):
            np.testing.assert_equal(actual, expected)

    def test_many_operations_in_a_row(self, tmp_path: Path) -> None:
        """Operations of different kinds and sizes follow each other without mixing."""
        for actual in self.run(tmp_path, 3, rank_tasks.many_operations):
            assert actual == rank_tasks.MANY

    def test_two_groups_at_once(self, tmp_path: Path) -> None:
        """The same processes can be in two groups at once, from two threads of each process."""
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        place = (self.make(), folders, self.timeout)
        futures = [
            executor.submit(partial(rank_tasks.in_two_groups, *place, rank, 2))
            for rank, executor in enumerate(self.executors()[:2])
        ]
        for future in futures:
            for outcome, factor in zip(future.result(2 * PATIENCE), (1.0, 2.0), strict=True):
                assert outcome.error == ""
                assert outcome.value == [factor * 3.0] * 20, "the sums of two groups are mixed"

    def test_an_error_in_one_rank_ends_the_others(self, tmp_path: Path) -> None:
        """If one process raises an error, the others raise GroupError before the timeout, and the
        same processes can form another group.
        """
        futures = start(
            self.executors()[:3], self.make(), tmp_path, self.timeout, rank_tasks.failing, 1
        )
        first, failed, last = (future.result(2 * PATIENCE) for future in futures)
        assert failed.error.startswith("ValueError"), f"the error became {failed.error!r}"
        self.check_group_error(first)
        self.check_group_error(last)
        again = tmp_path / "again"
        again.mkdir()
        assert self.run(again, 3, rank_tasks.identity) == [(0, 3), (1, 3), (2, 3)]

    @EACH_VICTIM
    def test_a_killed_process_ends_the_others(self, victim: int, tmp_path: Path) -> None:
        """If one process is killed, the others raise GroupError before the timeout."""
        self.check_group_error(self.outcome_beside("kill", victim, self.timeout, tmp_path))

    def test_a_stopped_process_ends_the_others(self, tmp_path: Path) -> None:
        """If one process does not answer, the others raise GroupError after the timeout."""
        outcome = self.outcome_beside("stop", 1, self.short_timeout, tmp_path)
        assert outcome.error == "GroupError", f"the ranks ended with {outcome.error!r}"

    def test_a_process_that_does_not_join_ends_the_others(self, tmp_path: Path) -> None:
        """If one process does not join, the others raise GroupError after the timeout."""
        call = partial(rank_tasks.alone, self.make(), tmp_path, self.short_timeout)
        outcome = self.executors()[0].submit(call).result(2 * PATIENCE)
        assert outcome.error == "GroupError", f"the rank ended with {outcome.error!r}"

    def outcome_beside(self, how: str, victim: int, timeout: float, folder: Path) -> Outcome:
        """Return the outcome of the other rank, after one of two is killed or stopped."""
        executors = self.executors()
        pair = [executors[0], executors[0]]
        pair[victim] = executors[VICTIMS[how, victim]]
        ended = type(self).kill if how == "kill" else type(self).stop
        futures = start(pair, self.make(), folder, timeout, rank_tasks.losing, victim, ended)
        try:
            return futures[1 - victim].result(2 * PATIENCE)
        finally:
            self.end(int(waited_for(folder / f"ready-{victim}")))

    def check_group_error(self, outcome: Outcome) -> None:
        """Assert that a rank raised GroupError before the timeout."""
        assert outcome.error == "GroupError", f"the rank ended with {outcome.error or 'a result'!r}"
        assert outcome.seconds < self.timeout / 2, "it waited for the timeout"
