"""Dropout that is the same on every backend."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.plugin.arrays import Namespace
from mlpkit.plugin.networks import StepContext

_WORD = 0xFFFFFFFF
_GOLDEN = 0x9E3779B9


def dropout_mask(
    xp: Any,
    rows: Any,
    units: Any,
    seed: Any,
    layer: int,
    rate: Any,
    uint32: Callable[[int], Any] | None = None,
) -> Any:
    """Whether each unit of each row is kept, with probability ``1 - rate``.

    The mask is a hash of the arguments [1]_, so a row has the same mask wherever it is in a step,
    and in whichever process.

    Parameters
    ----------
    xp : namespace
        A namespace with `bitwise_right_shift`, and `astype` if the rate is an array, as in the
        array API standard.
    rows : array of int of shape (..., n)
        The ids of the rows, as in `Steps.put`; any value for padding.
    units : array of int of shape (n_units,)
        0, 1, 2, ...
    seed : array of int of shape () or (1,)
        The seed of the step, from `Batches.seeds` or as passed to `Steps.gradient`.
    layer : int
        Index of the hidden layer, from 0.
    rate : float or array of shape ()
        The fraction of the units that is dropped, in [0, 1).
    uint32 : callable or None, default=None
        Creates constants of an unsigned type that wraps around, such as `numpy.uint32`; the
        arrays are uint32 then. If None, they are int64.

    Returns
    -------
    array of bool of shape (..., n, n_units)

    References
    ----------
    .. [1] C. Wellons, "Prospecting for Hash Functions", 2018.

    Examples
    --------
    >>> import numpy as np
    >>> mask = dropout_mask(np, np.arange(1000), np.arange(10), np.int64(7), 0, 0.25)
    >>> mask.shape, round(float(mask.mean()), 2)
    ((1000, 10), 0.75)
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
    bits = mixed(wrapped(of_row[..., None] + wrapped(units * number(_GOLDEN))))
    if isinstance(rate, float | int):
        return bits >= number(min(_WORD, round(rate * 2**32)))
    return bits >= xp.astype(rate * 2.0**32, bits.dtype)


def dropout(xp: Namespace, x: Any, step: StepContext | None, layer: int, rate: float) -> Any:
    """Set a fraction of the units of each row to 0, and scale the others so that the mean is kept.

    Which units are dropped depends on the seed of the step and the id of the row only, so it is
    the same on every backend, for any order of the rows, and in any process. The probability of a
    unit is ``rate * step.dropout``.

    Parameters
    ----------
    xp : namespace
        The array functions of the backend; see `NAMESPACE`.
    x : array of shape (n, ...) or (n_models, n, ...)
        Values of each row. All axes after that of the rows are units, those of members included.
    step : StepContext or None
        The training step; None in prediction, which drops nothing.
    layer : int
        A number for the place in the network. Other numbers give independent masks.
    rate : float
        The fraction of the units that is dropped, in [0, 1).

    Returns
    -------
    array of the shape of x

    Examples
    --------
    >>> from mlpkit.numpy_backend import namespace as xp
    >>> rows = np.arange(4)
    >>> step = StepContext(np.int64(1), rows, np.ones(4), np.float64(1.0))
    >>> dropout(xp, np.ones((4, 3)), step, layer=0, rate=0.5)
    array([[0., 2., 2.],
           [2., 2., 0.],
           [0., 0., 2.],
           [2., 2., 0.]])
    """
    if step is None or not rate:
        return x
    ids = step.ids
    units = xp.astype(xp.arange(math.prod(x.shape[ids.ndim :])), ids.dtype)
    # backends have either unsigned integers that wrap around or integers of 64 bits
    uint32 = np.uint32 if "uint32" in str(ids.dtype) else None
    scheduled = rate * step.dropout
    kept = dropout_mask(xp, ids, units, step.seed, layer, scheduled, uint32)
    kept = xp.astype(xp.reshape(kept, x.shape), x.dtype)
    if not isinstance(scheduled, float):
        scheduled = xp.astype(scheduled, x.dtype)
    return x * (kept / (1 - scheduled))
