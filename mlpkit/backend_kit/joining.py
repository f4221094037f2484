"""Arrays in one: a program takes several microseconds for each argument and result."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Arrays

SMALL = 1 << 16  # elements; larger arrays are not copied

Reshape = Callable[[Any, tuple[int, ...]], Any]
Slices = Callable[[Any, "Sequence[JoinedPart]"], Sequence[Any]]


class Joined(NamedTuple):
    """Arrays by name, the small ones in one array.

    Parameters
    ----------
    small : array of shape (n_elements,) or None
        The elements of the small arrays; None if there are none.
    others : dict of arrays
        The other arrays.
    """

    small: Any
    others: dict[str, Any]


class JoinedPart(NamedTuple):
    """The place of an array in a joined one.

    Parameters
    ----------
    name : str
        The name of the array.
    begin, end : int
        The range of its elements.
    shape : tuple of int
        Its shape.
    """

    name: str
    begin: int
    end: int
    shape: tuple[int, ...]


def _reshape(array: Any, shape: tuple[int, ...]) -> Any:
    return array.reshape(shape)


def slices(joined: Any, parts: Sequence[JoinedPart], reshape: Reshape = _reshape) -> list[Any]:
    """Return parts of a joined array.

    Parameters
    ----------
    joined : array of shape (n_elements,)
        The array.
    parts : sequence of JoinedPart
        The places of the parts.
    reshape : callable, default=the method `reshape`
        The function of the framework, for arrays without such a method.

    Returns
    -------
    list of arrays

    Examples
    --------
    >>> import numpy as np
    >>> slices(np.arange(5), [JoinedPart("a", 1, 5, (2, 2))])
    [array([[1, 2],
           [3, 4]])]
    """
    return [reshape(joined[part.begin : part.end], part.shape) for part in parts]


class JoinedLayout(NamedTuple):
    """How arrays are joined.

    Parameters
    ----------
    names : tuple of str
        The names of all arrays in their order.
    parts : tuple of JoinedPart
        Those that are joined.
    """

    names: tuple[str, ...]
    parts: tuple[JoinedPart, ...]

    @property
    def size(self) -> int:
        """The length of the joined array."""
        return self.parts[-1].end if self.parts else 0

    def joined(
        self,
        arrays: Mapping[str, Any],
        concatenate: Callable[[list[Any]], Any],
        reshape: Reshape = _reshape,
    ) -> Joined:
        """Join arrays.

        Parameters
        ----------
        arrays : dict of arrays
            Arrays of any framework.
        concatenate : callable
            The function of the framework.
        reshape : callable, default=the method `reshape`
            The function of the framework, for arrays without such a method.

        Returns
        -------
        Joined
        """
        others = {name: arrays[name] for name in self.names}
        small = [reshape(others.pop(part.name), (-1,)) for part in self.parts]
        return Joined(concatenate(small) if small else None, others)

    def divided(self, joined: Joined, slices: Slices = slices) -> dict[str, Any]:
        """Divide what `joined` returned.

        Parameters
        ----------
        joined : Joined
            Arrays of any framework.
        slices : callable, default=`slices`
            Returns the parts of the joined array.

        Returns
        -------
        dict of arrays
            All arrays in their order; of NumPy, those that were joined are views.
        """
        names = [part.name for part in self.parts]
        arrays = dict(zip(names, slices(joined.small, self.parts), strict=True))
        arrays |= joined.others
        return {name: arrays[name] for name in self.names}

    def to_numpy(self, joined: Joined) -> Arrays:
        """Copy arrays to NumPy.

        Parameters
        ----------
        joined : Joined
            Arrays of any framework.

        Returns
        -------
        dict of ndarray
            Writable copies of all arrays in their order.
        """
        others = {name: np.asarray(a) for name, a in joined.others.items()}
        on_host = Joined(np.asarray(joined.small), others)
        return {name: np.array(a) for name, a in self.divided(on_host).items()}


def flat_layout(arrays: Arrays) -> JoinedLayout:
    """Return a layout in which all arrays are joined.

    Parameters
    ----------
    arrays : dict of ndarray
        Arrays of any size.

    Returns
    -------
    JoinedLayout

    Examples
    --------
    >>> import numpy as np
    >>> arrays = {"a": np.zeros((2, 3)), "b": np.ones(2)}
    >>> flat_layout(arrays).joined(arrays, np.concatenate).small
    array([0., 0., 0., 0., 0., 0., 1., 1.])
    """
    return JoinedLayout(tuple(arrays), _consecutive(arrays))


def small_layout(arrays: Arrays, dtype: Any, largest: int = SMALL) -> JoinedLayout:
    """Return a layout in which the small arrays of a dtype are joined.

    Parameters
    ----------
    arrays : dict of ndarray
        Arrays of any size and dtype.
    dtype : dtype
        The dtype of those that are joined.
    largest : int, default=65536
        The most elements of those that are joined.

    Returns
    -------
    JoinedLayout

    Examples
    --------
    >>> import numpy as np
    >>> arrays = {"large": np.zeros(100_000), "b": np.ones(2), "n": np.array(3)}
    >>> layout = small_layout(arrays, "float64")
    >>> joined = layout.joined(arrays, np.concatenate)
    >>> joined.small, sorted(joined.others)
    (array([1., 1.]), ['large', 'n'])
    >>> list(layout.divided(joined))
    ['large', 'b', 'n']
    """
    small = {n: a for n, a in arrays.items() if a.dtype == dtype and a.size <= largest}
    return JoinedLayout(tuple(arrays), _consecutive(small))


def _consecutive(arrays: Arrays) -> tuple[JoinedPart, ...]:
    """Return the places of arrays that follow one another."""
    ends = accumulate(array.size for array in arrays.values())
    return tuple(
        JoinedPart(name, end - array.size, end, array.shape)
        for (name, array), end in zip(arrays.items(), ends, strict=True)
    )
