"""The training losses of all epochs, to which each call of `partial_fit` adds one."""

from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock
from typing import Any

import numpy as np

_GUARD = Lock()


class LossCurve:
    """An immutable sequence of losses; a curve that extends it shares the storage.

    Each call of `partial_fit` adds a loss. Copying a list would take time proportional to the
    length of the stream, and appending to it in place would change the estimator even if the
    call fails.

    >>> short = LossCurve([0.5])
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
        """The losses, the same list at each access; `extended` uses its changes."""
        if self._values is None:
            self._values = list(self)
        return self._values

    def extended(self, losses: Iterable[float]) -> "LossCurve":
        """Return the curve with further losses appended."""
        new = list(losses)
        if self._values is not None:
            return LossCurve([*self._values, *new])
        longer = LossCurve()
        with _GUARD:
            shared = self._shared
            if len(shared) != self._length:  # another curve already extends this one
                shared = list(self)
            shared.extend(new)
        longer._shared, longer._length = shared, self._length + len(new)
        return longer

    def get_state(self) -> Any:
        """Return the losses as an array if all are floats, else as a list."""
        losses = list(self) if self._values is None else self._values
        return np.array(losses, float) if all(type(x) is float for x in losses) else losses

    @classmethod
    def from_state(cls, state: Any) -> "LossCurve":
        """Return the curve of a state; raise ValueError if it is invalid."""
        if isinstance(state, np.ndarray) and state.ndim == 1 and state.dtype == float:
            return cls(state.tolist())
        numbers = int, float, np.integer, np.floating
        if not isinstance(state, list) or not all(isinstance(x, numbers) for x in state):
            raise ValueError(f"its losses are {state!r:.100}; expected a list of numbers")
        return cls(state)

    def __len__(self) -> int:
        return self._length if self._values is None else len(self._values)

    def __iter__(self) -> Iterator[float]:
        return islice(self._shared, self._length)

    def __reduce__(self) -> tuple[type, tuple[list[float]]]:
        return LossCurve, (list(self) if self._values is None else self._values,)
