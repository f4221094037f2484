"""Arrays in one: a program takes several microseconds for each argument and result."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from mlpkit.plugin import Arrays
from mlpkit_jax.networks import Tensors

SMALL = 1 << 16  # elements; larger arrays are not copied


class Joined(NamedTuple):
    """Arrays by name. The small ones are one array, (n_elements,), None if there are none."""

    small: Any
    others: Tensors


class Part(NamedTuple):
    """A part of the joined array, and the array that it is."""

    name: str
    begin: int
    end: int
    shape: tuple[int, ...]


class Layout(NamedTuple):
    """The names of arrays in their order, and those of them that are joined."""

    names: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """The length of the joined array."""
        return self.parts[-1].end if self.parts else 0

    def joined(self, arrays: Tensors, concatenate: Callable[[Any], Any]) -> Joined:
        """Join the arrays, with the function of NumPy or JAX."""
        others = {name: arrays[name] for name in self.names}
        small = [others.pop(part.name).ravel() for part in self.parts]
        return Joined(concatenate(small) if small else None, others)

    def divided(self, joined: Joined) -> Tensors:
        """Return all arrays; of NumPy, those that were joined are views."""
        arrays = {p.name: joined.small[p.begin : p.end].reshape(p.shape) for p in self.parts}
        arrays |= joined.others
        return {name: arrays[name] for name in self.names}

    def to_numpy(self, joined: Joined) -> Arrays:
        """Return writable NumPy copies of all arrays."""
        others = jax.device_get(joined.others) if joined.others else {}
        on_host = Joined(np.asarray(joined.small), others)
        return {name: np.array(a) for name, a in self.divided(on_host).items()}


def flat_layout(arrays: Arrays) -> Layout:
    """Return the layout of arrays of any size, all of which are joined."""
    ends = np.cumsum([a.size for a in arrays.values()]).tolist()
    parts = (
        Part(name, end - a.size, end, a.shape)
        for (name, a), end in zip(arrays.items(), ends, strict=True)
    )
    return Layout(tuple(arrays), tuple(parts))


def layout(arrays: Arrays, dtype: Any) -> Layout:
    """Return the layout of arrays; those of other dtypes are not joined."""
    parts, end = [], 0
    for name, array in arrays.items():
        if array.dtype == dtype and array.size <= SMALL:
            begin, end = end, end + array.size
            parts.append(Part(name, begin, end, array.shape))
    return Layout(tuple(arrays), tuple(parts))
