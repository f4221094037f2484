"""A loss and its derivative as one compiled function."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Loss, PluginError
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


def loss_function(loss: Loss, dtype: np.dtype[Any]) -> LossFunction:
    """Return the compiled loss. Raises PluginError for a loss that is not supported."""
    if loss.name != "log_loss":
        raise PluginError(f"backend='numba' does not support loss {loss.name!r}.")
    return LossFunction(program(f"log_loss {dtype}", lambda: _log_loss(dtype.name)))


def _log_loss(dtype: str) -> Any:
    import numba
    from numba import carray, types

    t = getattr(types, dtype)
    pointer = types.CPointer(t)
    signature = types.void(pointer, pointer, types.intp, types.intp, pointer, pointer)
    eps, one = np.finfo(dtype).eps, getattr(np, dtype)(1)

    def compiled(y, p, n, n_outputs, losses, delta):  # type: ignore[no-untyped-def]
        y, p = carray(y, (n, n_outputs)), carray(p, (n, n_outputs))
        losses, delta = carray(losses, (n,)), carray(delta, (n, n_outputs))
        for i in range(n):
            total = eps - eps
            for j in range(n_outputs):
                total -= y[i, j] * np.log(min(max(p[i, j], eps), one - eps))
                delta[i, j] = p[i, j] - y[i, j]
            losses[i] = total

    return numba.cfunc(signature, error_model="numpy")(compiled)
