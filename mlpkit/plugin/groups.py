"""Groups: the processes that train a network together, and how they communicate."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from mlpkit.plugin.arrays import Array

Value = TypeVar("Value")


class GroupError(RuntimeError):
    """Another process of a group has died, does not answer, or has raised an error."""


class Group(Protocol):
    """The processes that train a network together, each on its own rows.

    All processes call the same methods in the same order. A method raises `GroupError` if another
    process has died, and after the timeout of the group if it does not answer.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        The number of processes.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""

    @property
    def size(self) -> int:
        """The number of processes."""

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes.

        Parameters
        ----------
        a : ndarray
            Values of dtype float32, float64 or int64, C-contiguous, whose shape and dtype are the
            same in all processes. It is not written to.

        Returns
        -------
        ndarray
            The sum, a new array with the same bits in all processes.
        """

    def same(self, value: Value) -> Value:
        """Return the value of the process of rank 0.

        Parameters
        ----------
        value : object
            Any value that can be pickled. Those of the other processes are ignored.

        Returns
        -------
        object
            The value of rank 0, in all processes.
        """

    def gather(self, value: Value) -> list[Value]:
        """Return the values of all processes.

        Parameters
        ----------
        value : object
            Any value that can be pickled.

        Returns
        -------
        list
            One value of each process, in the order of the ranks.
        """


class Communicator(NamedTuple):
    """How the processes of a group find each other and communicate.

    Parameters
    ----------
    listen : callable
        ``listen(host, size, timeout)``: a context manager that is entered in the process of rank
        0, before any process joins, and left after all have left the group. ``host`` is an address
        of this machine that the other processes can reach, and ``timeout`` is the number of
        seconds to wait for them. The context is a dict of plain values that the other processes
        need to join.
    join : callable
        ``join(address, rank, size, timeout)``: a context manager that each process enters with
        that dict, whose context is the `Group`. ``timeout`` is the number of seconds after which a
        process that does not answer is an error.
    """

    listen: Callable[[str, int, float], AbstractContextManager[Mapping[str, Any]]]
    join: Callable[[Mapping[str, Any], int, int, float], AbstractContextManager[Group]]
