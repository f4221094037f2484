"""Curves that grow by a number at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock

_GUARD = Lock()


class Curve:
    """Numbers that never change; a longer curve shares them with the one that it extends.

    A stream of `partial_fit` adds a number at each call: copying the list would cost more the
    longer the stream, and adding to it would change what an interrupted call goes back to.

    >>> short = Curve([0.5])
    >>> long = short.extended([0.25])
    >>> short.values, long.values, len(long)
    ([0.5], [0.5, 0.25], 2)
    """

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._shared = list(values)
        self._length = len(self._shared)
        self._values: list[float] | None = None

    @property
    def values(self) -> list[float]:
        """The numbers, the same list at each call; edits of it count in `extended`."""
        if self._values is None:
            self._values = list(self)
        return self._values

    def extended(self, more: Iterable[float]) -> "Curve":
        """The curve that goes on with more numbers."""
        more = list(more)
        if self._values is not None:
            return Curve([*self._values, *more])
        longer = Curve()
        with _GUARD:
            shared = self._shared
            if len(shared) != self._length:  # another curve extends this one already
                shared = list(self)
            shared.extend(more)
        longer._shared, longer._length = shared, self._length + len(more)
        return longer

    def __len__(self) -> int:
        return self._length if self._values is None else len(self._values)

    def __iter__(self) -> Iterator[float]:
        return islice(self._shared, self._length)

    def __reduce__(self) -> tuple[type, tuple[list[float]]]:
        return Curve, (list(self) if self._values is None else self._values,)
