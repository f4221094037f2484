"""The update of a solver as a program."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit.result_checks import check_update
from mlpkit.backend_kit.tracing.namespaces import SymbolNamespace
from mlpkit.backend_kit.tracing.programs import Operation, Program, pruned
from mlpkit.backend_kit.tracing.recordings import Recording
from mlpkit.backend_kit.tracing.scalars import Scalars
from mlpkit.backend_kit.tracing.symbols import Symbol, as_symbol, converted
from mlpkit.plugin import Solver


class UpdateTrace(NamedTuple):
    """What the update of a solver does with each weight.

    Parameters
    ----------
    program : Program
        The inputs are "p", "g" and the names "state 0", "state 1" and so on of the optimizer
        state; the outputs are the new weights and the new optimizer state. All have the dtype of
        the weights.
    scalars : callable
        ``scalars(learning_rates)``: the scalars of the program, an ndarray of float64 of shape
        (n_steps, n_scalars), for learning rates of shape (n_steps,). Its attribute ``n_scalars``
        is their number.
    """

    program: Program
    scalars: Scalars


def trace_update(solver: Solver, dtype: Any) -> UpdateTrace:
    """Return the update of a solver as a program.

    `Solver.update` is called once, on symbols in place of arrays. The options are those of the
    solver: an `if` on one of them is decided while tracing. Python floats that arrays meet become
    scalars of the program, so solvers with other values of the options often have equal programs.

    Parameters
    ----------
    solver : Solver
        A solver with an `update`.
    dtype : dtype
        The dtype of the weights, float32 or float64.

    Returns
    -------
    UpdateTrace

    Raises
    ------
    Unsupported
        If the update uses the value of the learning rate or of an array in Python, for example in
        an `if`, which requires "branching_solvers".
    InvalidResult
        If the update is not elementwise, uses a function that cannot be traced, or returns arrays
        of other shapes or numbers.

    Examples
    --------
    >>> def update(xp, p, g, optimizer_state, learning_rate, options):
    ...     (m,) = optimizer_state
    ...     m *= options["decay"]
    ...     m += g
    ...     return p - learning_rate * m, (m,)
    >>> trace = trace_update(Solver(update, ("m",), {"decay": 0.9}), "float32")
    >>> print(trace.program)
    0: float32 = input p
    1: float32 = input g
    2: float32 = input state 0
    3: float32 = scalar 0
    4: float32 = multiply 2 3
    5: float32 = add 4 1
    6: float32 = scalar 1
    7: float32 = multiply 6 5
    8: float32 = subtract 0 7
    return 8 5
    >>> trace.scalars(np.array([0.1, 0.2]))
    array([[0.9, 0.1],
           [0.9, 0.2]])
    """
    assert solver.update is not None
    recording, dtype = Recording("solver"), np.dtype(dtype)
    p, g, *state = (
        _input(recording, name, dtype)
        for name in ("p", "g", *(f"state {i}" for i in range(len(solver.optimizer_state))))
    )
    rate = Operation("input", (), ("learning_rate",), "float64", None)
    learning_rate = Symbol(
        recording, recording.add(rate, of_numbers=True), (), "float64", is_number=True
    )
    options = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in solver.options.items()
    }
    xp = SymbolNamespace(recording)
    returned = solver.update(xp, p, g, tuple(state), learning_rate, options)
    new_p, new_state = check_update(returned, p, tuple(state))
    outputs = [converted(as_symbol(recording, a), dtype).place for a in (new_p, *new_state)]
    return _separated(recording, pruned(recording.operations, outputs))


def _separated(recording: Recording, program: Program) -> UpdateTrace:
    """Return a trace whose scalars are those that the program uses, in its order."""
    places, operations = recording.scalar_outputs, list(program.operations)
    used: dict[int, int] = {}
    for i, op in enumerate(operations):
        if op.name == "scalar":
            index = used.setdefault(places[op.detail[0]], len(used))
            operations[i] = op._replace(detail=(index,))
    numbers = pruned(recording.number_operations, tuple(used))
    return UpdateTrace(program._replace(operations=tuple(operations)), Scalars(numbers))


def _input(recording: Recording, name: str, dtype: np.dtype[Any]) -> Symbol:
    place = recording.add(Operation("input", (), (name,), dtype.name, None))
    return Symbol(recording, place, (recording.rows,), dtype)
