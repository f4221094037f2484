"""Programs: what a solver or a loss did with its arrays, as a list of operations."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit.tracing.functions import FUNCTIONS
from mlpkit.plugin import Array


class Operation(NamedTuple):
    """One operation of a `Program`. Its value has one number for each row, or a vector.

    Parameters
    ----------
    name : str
        One of these:

        - an elementwise function, such as "add", "sqrt", "where" or "less". Vectors among its
          arguments have the same length; other arguments are the same for their elements;
        - "input", an array that the program receives, with its name as `detail`;
        - "scalar", a number that the program receives, with its index as `detail`;
        - "constant", a number, with its text as `detail`;
        - "astype", a conversion to `dtype`;
        - "column", one element of a vector, with its index as `detail`;
        - "slice", elements of a vector, with start, stop and step as `detail`;
        - "join", a vector of numbers and vectors;
        - "sum", "max" or "min" of the elements of a vector.
    arguments : tuple of int
        The indices of earlier operations.
    detail : tuple
        See `name`.
    dtype : str
        The dtype of the value. All arguments of an elementwise function have one dtype, except for
        the condition of "where".
    length : int or None
        The length of the vector; None for one number for each row.
    """

    name: str
    arguments: tuple[int, ...]
    detail: tuple[Any, ...]
    dtype: str
    length: int | None


class Program(NamedTuple):
    """What a solver or a loss did, as operations that use the values of earlier ones.

    Equal programs do the same, whichever functions they were recorded from, so a program is a key
    for compiled code. Its text is readable.

    Parameters
    ----------
    operations : tuple of Operation
        The operations, all of which contribute to the outputs.
    outputs : tuple of int
        The indices of the operations whose values are returned.

    Examples
    --------
    >>> x = Operation("input", (), ("x",), "float32", None)
    >>> square = Operation("square", (0,), (), "float32", None)
    >>> print(Program((x, square), (1,)))
    0: float32 = input x
    1: float32 = square 0
    return 1
    """

    operations: tuple[Operation, ...]
    outputs: tuple[int, ...]

    def __str__(self) -> str:
        lines = []
        for i, op in enumerate(self.operations):
            kind = op.dtype if op.length is None else f"{op.dtype}[{op.length}]"
            operands = " ".join(map(str, (*op.arguments, *op.detail)))
            lines.append(f"{i}: {kind} = {op.name} {operands}")
        return "\n".join([*lines, f"return {' '.join(map(str, self.outputs))}"])


def pruned(operations: Sequence[Operation], outputs: Sequence[int]) -> Program:
    """Return a program of the operations that contribute to the outputs, in the same order."""
    needed = set(outputs)
    for i in reversed(range(len(operations))):
        if i in needed:
            needed.update(operations[i].arguments)
    places = {old: new for new, old in enumerate(sorted(needed))}
    kept = (
        op._replace(arguments=tuple(places[a] for a in op.arguments))
        for i, op in enumerate(operations)
        if i in needed
    )
    return Program(tuple(kept), tuple(places[i] for i in outputs))


def evaluate(
    program: Program, inputs: Mapping[str, Array], scalars: Sequence[Any] = ()
) -> tuple[Array, ...]:
    """Return the outputs of a program, computed by NumPy.

    It is the meaning of a program: compiled code is compared with it.

    Parameters
    ----------
    program : Program
        The program.
    inputs : dict of ndarray of shape (n,) or (n, length)
        The arrays that it receives, by name.
    scalars : sequence of float, default=()
        The numbers that it receives.

    Returns
    -------
    tuple of ndarray of shape (n,) or (n, length)

    Examples
    --------
    >>> x = Operation("input", (), ("x",), "float64", 3)
    >>> program = Program((x, Operation("sum", (0,), (), "float64", None)), (1,))
    >>> evaluate(program, {"x": np.ones((2, 3))})
    (array([3., 3.]),)
    """
    n = len(next(iter(inputs.values()))) if inputs else 1
    values: list[Array] = []  # (n, 1) or (n, length)
    for op in program.operations:
        arguments = [values[i] for i in op.arguments]
        value = _value(op, arguments, inputs, scalars, n)
        values.append(np.broadcast_to(value, (n, op.length or 1)))
    outputs = ((values[i], program.operations[i].length) for i in program.outputs)
    return tuple(np.array(a[:, 0] if length is None else a) for a, length in outputs)


def _value(
    op: Operation, arguments: list[Array], inputs: Mapping[str, Array], scalars: Any, n: int
) -> Any:
    if op.name == "input":
        return np.asarray(inputs[op.detail[0]]).reshape(n, op.length or 1)
    if op.name == "scalar":
        return np.full((1, 1), scalars[op.detail[0]], op.dtype)
    if op.name == "constant":
        return np.full((1, 1), number_of(op), op.dtype)
    if op.name == "astype":
        return arguments[0].astype(op.dtype)
    if op.name == "column":
        return arguments[0][:, op.detail[0], None]
    if op.name == "slice":
        return arguments[0][:, slice(*op.detail)]
    if op.name == "join":
        return np.concatenate(arguments, axis=1)
    if op.name in REDUCTIONS:
        return REDUCTIONS[op.name](arguments[0], axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return FUNCTIONS[op.name](*arguments)


def number_of(op: Operation) -> Any:
    """Return the number of an operation "constant".

    >>> number_of(Operation("constant", (), ("0.5",), "float32", None))
    0.5
    """
    (text,) = op.detail
    return {"True": True, "False": False}[text] if op.dtype == "bool" else float(text)


REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": np.sum, "max": np.max, "min": np.min}
