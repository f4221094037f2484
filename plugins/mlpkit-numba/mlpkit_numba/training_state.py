"""The state of training: the weights and the optimizer state in one array."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout
from mlpkit.plugin import Array, Arrays, optimizer_state_name


class TrainingState(NamedTuple):
    """The weights and the arrays of the optimizer state, (1 + n_arrays, n_weights)."""

    numbers: Array

    def copy(self) -> "TrainingState":
        """Return a state with other memory."""
        return TrainingState(self.numbers.copy())


class Place(NamedTuple):
    """The name of an array, and its place in a state."""

    name: str
    row: int
    columns: slice
    shape: tuple[int, ...]


class StatePlaces:
    """The places of all arrays in a state.

    Parameters
    ----------
    layout : WeightLayout
        The places of the weights in a row of the state.
    names : tuple of str
        The arrays of the optimizer state.
    """

    def __init__(self, layout: WeightLayout, names: tuple[str, ...]) -> None:
        self.layout, self.names = layout, names

    def state(self, arrays: Arrays) -> TrainingState:
        """Return a state with copies of arrays. Missing ones are zeros."""
        numbers = np.zeros((1 + len(self.names), self.layout.size), self.layout.dtype)
        for name, row, columns, _ in (*self._weights, *self._optimizer_state):
            if name in arrays:
                numbers[row, columns] = arrays[name].ravel()
        return TrainingState(numbers)

    def weights(self, state: TrainingState) -> Arrays:
        """Return copies of the weights."""
        return _copies(state.numbers, self._weights)

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Return copies of the optimizer state."""
        return _copies(state.numbers, self._optimizer_state)

    @cached_property
    def _weights(self) -> list[Place]:
        return self._places(0, str)

    @cached_property
    def _optimizer_state(self) -> list[Place]:
        return [
            place
            for row, name in enumerate(self.names, 1)
            for place in self._places(row, partial(optimizer_state_name, name))
        ]

    def _places(self, row: int, name: Callable[[str], str]) -> list[Place]:
        shapes = self.layout.shapes
        return [
            Place(name(weight), row, columns, shapes[weight])
            for weight, columns in self.layout.slices.items()
        ]


def _copies(numbers: Array, places: list[Place]) -> Arrays:
    return {
        name: numbers[row, columns].reshape(shape).copy() for name, row, columns, shape in places
    }
