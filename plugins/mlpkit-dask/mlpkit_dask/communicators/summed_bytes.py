"""Values that are sent by sums alone: each process writes their bytes to a place of its own."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.plugin import Array

Add = Callable[[Array], Array]
WORD = 8  # bytes; whole numbers of 8 bytes are sums without rounding


def gathered(add: Add, rank: int, size: int, value: Any) -> list[Any]:
    """Return the values of all ranks, by the sum ``add`` over the ranks."""
    own = words_of(value)
    lengths = np.zeros(size, np.int64)
    lengths[rank] = own.size
    ends = np.cumsum(add(lengths))
    everything = np.zeros(ends[-1], np.int64)
    everything[ends[rank] - own.size : ends[rank]] = own
    everything = add(everything)
    return [pickle.loads(words.data) for words in np.split(everything, ends[:-1])]


def first(add: Add, rank: int, value: Any) -> Any:
    """Return the value of rank 0, by the sum ``add`` over the ranks."""
    own = words_of(value) if rank == 0 else np.zeros(0, np.int64)
    (length,) = add(np.array([own.size], np.int64))
    return pickle.loads(add(own if rank == 0 else np.zeros(length, np.int64)).data)


def words_of(value: Any) -> Array:
    """Return the pickled value as whole numbers; zeros follow its last byte."""
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    words = np.zeros(-(-len(pickled) // WORD), np.int64)
    words.view(np.uint8)[: len(pickled)] = np.frombuffer(pickled, np.uint8)
    return words
