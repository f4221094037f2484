"""A limit of the memory for a network that is built only for its structure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

SLACK = 10**5  # that a size may exceed the number of stored weights by
DRAWN = 10  # numbers that a builder may draw for each stored weight, and as many as SLACK each
# the position of the argument ``size`` of the methods of a RandomState
SIZE_AT = {
    **dict.fromkeys(("random", "random_sample", "standard_normal"), 0),
    **dict.fromkeys(("exponential", "poisson", "standard_exponential", "choice"), 1),
    **dict.fromkeys(("uniform", "normal", "randint", "gamma", "laplace", "lognormal", "beta"), 2),
    "binomial": 2,
}


class LimitedDraws(np.random.RandomState):
    """A generator that raises ValueError if many more numbers are drawn than weights are stored.

    >>> LimitedDraws(100).normal(0, 1, (3, 2)).shape
    (3, 2)
    """

    def __init__(self, n_weights: int) -> None:
        super().__init__(0)
        self.left = DRAWN * (n_weights + SLACK)

    def rand(self, *shape: int) -> Any:
        """Return uniform numbers."""
        self._count(shape)
        return super().rand(*shape)

    def randn(self, *shape: int) -> Any:
        """Return normal numbers."""
        self._count(shape)
        return super().randn(*shape)

    def _count(self, size: Any) -> None:
        self.left -= int(np.prod(size, dtype=object)) if size is not None else 1
        if self.left < 0:
            raise ValueError("its sizes require many more weights than it contains")


def _limited(name: str, position: int) -> Callable[..., Any]:
    draw = getattr(np.random.RandomState, name)

    def limited(self: LimitedDraws, *args: Any, **kwargs: Any) -> Any:
        self._count(kwargs.get("size", args[position] if len(args) > position else None))
        return draw(self, *args, **kwargs)

    return limited


for _name, _position in SIZE_AT.items():
    setattr(LimitedDraws, _name, _limited(_name, _position))


def check_sizes(values: Iterable[Any], n_weights: int) -> None:
    """Raise ValueError for an integer in the values that is much larger than the stored weights.

    >>> check_sizes([3, {"width": (10, 20)}], 50)
    """
    for value in values:
        if isinstance(value, Mapping):
            check_sizes(value.values(), n_weights)
        elif isinstance(value, list | tuple):
            check_sizes(value, n_weights)
        elif isinstance(value, int | np.integer) and value > n_weights + SLACK:
            raise ValueError(f"its size {value} is larger than its weights")
