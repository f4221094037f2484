"""Dropout: which units of which rows are kept, the same on every backend.

A part of `mlpkit.plugin`, which is where to import `dropout_mask` from.
"""

from collections.abc import Callable
from typing import Any

from mlpkit.measures import Array as Array

_WORD = 0xFFFFFFFF
_GOLDEN = 0x9E3779B9


def dropout_mask(
    xp: Any,
    rows: Any,
    units: Any,
    seed: Any,
    layer: int,
    rate: float,
    uint32: Callable[[int], Any] | None = None,
) -> Any:
    """Whether each unit of each row is kept, (n, n_units) bool, with probability ``1 - rate``.

    A hash of its arguments (Wellons, 2018), so that a row keeps its mask wherever it stands in
    a step. Backends call it with arrays of their own.

    Parameters
    ----------
    xp : namespace
        With `bitwise_right_shift`, as in the array API standard.
    rows : array of int, (n,)
        Indices of the rows in the training data; any value where a row is padding.
    units : array of int, (n_units,)
        0, 1, 2 ...
    seed : array of int, () or (1,)
        The seed of the step, of `Batches.seeds` or as given to `Steps.gradient`.
    layer : int
        The hidden layer, from 0.
    rate : float
        The fraction that is dropped, in [0, 1).
    uint32 : callable, optional
        Makes the constants, as `numpy.uint32`, of a type that wraps around: then the arrays
        are uint32 too. By default they are int64, and are wrapped here.
    """
    number: Callable[[int], Any] = uint32 or int

    def wrapped(x: Any) -> Any:
        return x if uint32 else x & _WORD

    def mixed(x: Any) -> Any:
        x = x ^ xp.bitwise_right_shift(x, number(16))
        x = wrapped(x * number(0x21F0AAAD))
        x = x ^ xp.bitwise_right_shift(x, number(15))
        x = wrapped(x * number(0xD35A2D97))
        return x ^ xp.bitwise_right_shift(x, number(15))

    key = mixed(wrapped(mixed(wrapped(seed + number(_GOLDEN))) + number(layer)))
    of_row = mixed(wrapped(rows) ^ key)
    bits = mixed(wrapped(of_row[:, None] + wrapped(units * number(_GOLDEN))[None, :]))
    return bits >= number(min(_WORD, round(rate * 2**32)))
