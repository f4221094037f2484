"""A loss and its derivative as one compiled function."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import trace_loss
from mlpkit.plugin import Loss
from mlpkit_numba.loss_text import loss_text
from mlpkit_numba.programs import program


class LossFunction(NamedTuple):
    """A compiled loss.

    Parameters
    ----------
    address : int
        The address of ``void loss(T* y, T* p, intp n, intp n_outputs, T* losses, T* delta)``. It
        writes the losses (n,) and the derivatives (n, n_outputs) of activated outputs p, neither
        of which is weighted.
    """

    address: int


def loss_function(loss: Loss, dtype: np.dtype[Any], n_outputs: int) -> LossFunction:
    """Return the compiled loss for a number of outputs. Losses that do the same share their code.

    Raises
    ------
    Unsupported
        If the loss has no `delta`.
    InvalidResult
        If the loss cannot be traced, or returns arrays of other shapes.
    """
    try:
        hash(loss)
    except TypeError:
        return _compiled(loss, dtype, n_outputs)
    return _remembered(loss, dtype, n_outputs)


def _compiled(loss: Loss, dtype: np.dtype[Any], n_outputs: int) -> LossFunction:
    text = loss_text(trace_loss(loss, dtype, n_outputs))

    def compiled() -> Any:
        from numba import types

        from mlpkit_numba.compiled_text import compiled_text

        pointer, size = types.CPointer(getattr(types, dtype.name)), types.intp
        signature = types.void(pointer, pointer, size, size, pointer, pointer)
        return compiled_text(text, "loss", signature)

    return LossFunction(program(f"{dtype}\n{text}", compiled))


_remembered = lru_cache(maxsize=64)(_compiled)
