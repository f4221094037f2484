"""The update of a solver as one compiled loop."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import UpdateTrace, trace_update
from mlpkit.plugin import Array, Solver
from mlpkit_numba.programs import program
from mlpkit_numba.update_text import update_text


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
        Number of values of a step that depend on the learning rate and the options.
    scalars : callable
        ``scalars(learning_rates)``: these values (n_steps, n_scalars), in the dtype of the
        weights, of learning rates (n_steps,) in float64.
    """

    address: int
    n_scalars: int
    scalars: Callable[[Array], Array]


def solver_function(solver: Solver, dtype: np.dtype[Any]) -> SolverFunction:
    """Return the compiled update of an elementwise solver.

    Solvers that do the same share their code, also with other values of their options.

    Raises
    ------
    Unsupported
        If the solver requires "branching_solvers".
    InvalidResult
        If the update cannot be traced, or returns arrays of other shapes or numbers.
    """
    key = solver.update, solver.optimizer_state, tuple(solver.options.items()), dtype
    try:
        hash(key)
    except TypeError:
        return _compiled(solver, dtype)
    return _remembered(*key)


@lru_cache(maxsize=64)
def _remembered(
    update: Any, optimizer_state: tuple[str, ...], options: Any, dtype: np.dtype[Any]
) -> SolverFunction:
    return _compiled(Solver(update, optimizer_state, dict(options)), dtype)


def _compiled(solver: Solver, dtype: np.dtype[Any]) -> SolverFunction:
    trace = trace_update(solver, dtype)
    text = update_text(trace.program, dtype.name, trace.scalars.n_scalars)

    def compiled() -> Any:
        from numba import types

        from mlpkit_numba.compiled_text import compiled_text

        t = getattr(types, dtype.name)
        pointer, size = types.CPointer(t), types.intp
        arguments = (pointer, pointer, pointer, size, size, pointer, t, t)
        return compiled_text(text, "update", types.float64(*arguments))

    address = program(f"{dtype}\n{text}", compiled)
    return SolverFunction(address, trace.scalars.n_scalars, _Scalars(trace, dtype))


class _Scalars:
    """The scalars of the steps, in the dtype of the weights."""

    def __init__(self, trace: UpdateTrace, dtype: np.dtype[Any]) -> None:
        self.scalars, self.dtype = trace.scalars, dtype

    def __call__(self, learning_rates: Array) -> Array:
        return self.scalars(learning_rates).astype(self.dtype)
