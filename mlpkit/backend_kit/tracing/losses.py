"""A loss as programs."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit.result_checks import check_deltas, check_row_losses
from mlpkit.backend_kit.tracing.namespaces import SymbolNamespace
from mlpkit.backend_kit.tracing.programs import Operation, Program, pruned
from mlpkit.backend_kit.tracing.recordings import Recording
from mlpkit.backend_kit.tracing.symbols import Symbol, converted, vector_of
from mlpkit.plugin import Loss, Unsupported


class LossTrace(NamedTuple):
    """What a loss does with each row.

    The inputs of both programs are the targets "y" and the activated outputs "p", vectors of
    length `n_outputs`, or one number for each row if there is one output.

    Parameters
    ----------
    rows : Program
        Its output is the loss of a row.
    delta : Program
        Its output is the derivative with respect to the outputs before activation.
    n_outputs : int
        The number of outputs.
    """

    rows: Program
    delta: Program
    n_outputs: int


def trace_loss(loss: Loss, dtype: Any, n_outputs: int) -> LossTrace:
    """Return a loss as programs.

    `Loss.rows` and `Loss.delta` are called once each, on symbols of shape (n, n_outputs) with an
    unknown number of rows n. Reductions over axis 1, slices and single columns are traced, too.

    Parameters
    ----------
    loss : Loss
        A loss with a `delta`.
    dtype : dtype
        The dtype of the targets and outputs, float32 or float64.
    n_outputs : int
        The number of outputs.

    Returns
    -------
    LossTrace

    Raises
    ------
    Unsupported
        If the loss has no `delta`, which requires "losses_without_delta".
    InvalidResult
        If the loss of a row depends on other rows, if the loss uses the value of an array in
        Python, for example in an `if`, uses a function that cannot be traced, or returns an array
        of another shape.

    Examples
    --------
    >>> def rows(xp, y, p):
    ...     return xp.mean(xp.abs(p - y), axis=1)
    >>> def delta(xp, y, p):
    ...     return xp.sign(p - y) / p.shape[1]
    >>> trace = trace_loss(Loss("absolute", "identity", rows, delta), "float64", n_outputs=3)
    >>> print(trace.rows)
    0: float64[3] = input y
    1: float64[3] = input p
    2: float64[3] = subtract 1 0
    3: float64[3] = abs 2
    4: float64 = sum 3
    5: float64 = constant 3.0
    6: float64 = divide 4 5
    return 6
    """
    if loss.delta is None:
        raise Unsupported("losses_without_delta")
    dtype = np.dtype(dtype)
    recording, xp, y, p = _symbols(dtype, n_outputs)
    value = check_row_losses(loss.rows(xp, y, p), y)
    rows = pruned(recording.operations, [converted(value, dtype).place])
    recording, xp, y, p = _symbols(dtype, n_outputs)
    slopes = check_deltas(loss.delta(xp, y, p), p)
    delta = pruned(recording.operations, [vector_of(converted(slopes, dtype))])
    return LossTrace(rows, delta, n_outputs)


def _symbols(
    dtype: np.dtype[Any], n_outputs: int
) -> tuple[Recording, SymbolNamespace, Symbol, Symbol]:
    """Return a new recording with its namespace, targets and outputs."""
    recording = Recording("loss")
    length = None if n_outputs == 1 else n_outputs
    y, p = (
        Symbol(
            recording,
            recording.add(Operation("input", (), (name,), dtype.name, length)),
            (recording.rows, n_outputs),
            dtype,
        )
        for name in ("y", "p")
    )
    return recording, SymbolNamespace(recording), y, p
