"""The update of a solver as one compiled loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Array, PluginError, Solver
from mlpkit_numba.programs import program

FAST = {"reassoc", "contract", "nsz", "arcp"}  # "nnan" and "ninf" would hide divergence


class SolverFunction(NamedTuple):
    """A compiled update.

    Parameters
    ----------
    address : int
        The address of ``double update(T* p, T* g, T* state, intp state_stride, intp n, T*
        scalars, T l2, T decrease)``. For each weight, it adds ``l2 * p`` to the gradient, applies
        the update, subtracts ``decrease`` times the weight before the update, and returns the sum
        of the squares of the weights before it. The arrays of the state are state_stride apart.
    n_scalars : int
        Number of values of a step that depend on the learning rate.
    scalars : callable
        ``scalars(learning_rates)``: these values (n_steps, n_scalars), in the dtype of the
        weights, of learning rates (n_steps,) in float64.
    """

    address: int
    n_scalars: int
    scalars: Callable[[Array], Array]


def solver_function(solver: Solver, dtype: np.dtype[Any]) -> SolverFunction:
    """Return the compiled update of an elementwise solver. Raises PluginError for others."""
    if solver.name not in ("adam", "adamw") or len(solver.optimizer_state) != 2:
        raise PluginError(f"backend='numba' does not support solver {solver.name!r}.")
    options = tuple(sorted(solver.options.items()))
    address = program(f"adam {options} {dtype}", lambda: _adam(dtype.name, **solver.options))
    return SolverFunction(address, 1, lambda rates: rates.astype(dtype)[:, None])


def _adam(dtype: str, beta_1: float, beta_2: float, epsilon: float) -> Any:
    import numba
    from numba import carray, types

    t = getattr(types, dtype)
    pointer = types.CPointer(t)
    b1, b2, c1, c2, e = (
        getattr(np, dtype)(a) for a in (beta_1, beta_2, 1 - beta_1, 1 - beta_2, epsilon)
    )
    arguments = (pointer, pointer, pointer, types.intp, types.intp, pointer, t, t)

    def update(p, g, state, stride, n, scalars, l2, decrease):  # type: ignore[no-untyped-def]
        p, g, rate = carray(p, (n,)), carray(g, (n,)), carray(scalars, (1,))[0]
        both = carray(state, (stride + n,))
        m, v = both[:n], both[stride : stride + n]
        squares = 0.0
        for i in range(n):
            old = p[i]
            squares += old * old
            gradient = g[i] + l2 * old
            m[i] = b1 * m[i] + c1 * gradient
            v[i] = b2 * v[i] + c2 * (gradient * gradient)
            p[i] = old - rate * m[i] / (np.sqrt(v[i]) + e) - decrease * old
        return squares

    signature = types.float64(*arguments)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(update)
