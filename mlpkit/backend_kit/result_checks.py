"""Checks of what solvers and losses return. An invalid result is an error; it is never broadcast.

The checks compare names, shapes and kinds of dtype only. Where a compiler traces the step, they
run during tracing; elsewhere the check of one array takes less than a microsecond.
"""

import reprlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlpkit.plugin import InvalidResult


def check_update(returned: Any, p: Any, optimizer_state: Any) -> tuple[Any, tuple[Any, ...]]:
    """Check what `Solver.update` returned.

    Parameters
    ----------
    returned : object
        The result of the solver.
    p : array
        The weights that were passed to the solver.
    optimizer_state : tuple of array
        The optimizer state that was passed to the solver.

    Returns
    -------
    p : array
        The new weights.
    optimizer_state : tuple of array
        The new optimizer state.

    Raises
    ------
    InvalidResult
        If the result is not a pair of weights and optimizer state with the same number of arrays,
        shapes and kinds of dtype.

    Examples
    --------
    >>> import numpy as np
    >>> check_update((np.ones(2), ()), np.zeros(2), ())
    (array([1., 1.]), ())
    """
    if not _is_pair(returned):
        raise _solver_error(
            f"`update` returned {reprlib.repr(returned)}; expected (p, optimizer_state)."
        )
    new_p, new_state = returned
    if not isinstance(new_state, tuple | list) or len(new_state) != len(optimizer_state):
        raise _solver_error(
            f"`update` returned {reprlib.repr(new_state)} as optimizer state; expected a tuple of"
            f" length {len(optimizer_state)}."
        )
    _check("`update` returned weights", new_p, p)
    for i, (new, old) in enumerate(zip(new_state, optimizer_state, strict=True)):
        if new is not old:
            _check(f"`update` returned array {i} of the optimizer state", new, old)
    return new_p, new_state if isinstance(new_state, tuple) else tuple(new_state)


def check_joint_update(
    returned: Any, weights: Mapping[str, Any], optimizer_state: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Check what `Joint.update` returned.

    Parameters
    ----------
    returned : object
        The result of the solver.
    weights : dict of array
        The weights that were passed to the solver.
    optimizer_state : dict of array
        The optimizer state that was passed to the solver.

    Returns
    -------
    weights : dict of array
        The new weights.
    optimizer_state : dict of array
        The new optimizer state.

    Raises
    ------
    InvalidResult
        If the result is not a pair of dicts with the same names, shapes and kinds of dtype.

    Examples
    --------
    >>> import numpy as np
    >>> check_joint_update(({"coef_0": np.ones(2)}, {}), {"coef_0": np.zeros(2)}, {})
    ({'coef_0': array([1., 1.])}, {})
    """
    if not _is_pair(returned):
        raise _solver_error(
            f"`update` returned {reprlib.repr(returned)}; expected (weights, optimizer_state)."
        )
    for what, new, old in (
        ("weights", returned[0], weights),
        ("optimizer state", returned[1], optimizer_state),
    ):
        if not isinstance(new, Mapping):
            raise _solver_error(
                f"`update` returned {reprlib.repr(new)} as {what}; expected a dict."
            )
        if new.keys() != old.keys():
            raise _solver_error(
                f"`update` returned {what} named {sorted(new)}; expected {sorted(old)}."
            )
        for name, array in new.items():
            _check(f"`update` returned {name!r}", array, old[name])
    return returned[0], returned[1]


def check_row_losses(returned: Any, y: Any) -> Any:
    """Check what `Loss.rows` returned.

    Parameters
    ----------
    returned : object
        The result of the loss.
    y : array of shape (n, n_outputs)
        The targets that were passed to the loss.

    Returns
    -------
    array of shape (n,)
        The result itself.

    Raises
    ------
    InvalidResult
        If the result is not one float for each row.

    Examples
    --------
    >>> import numpy as np
    >>> check_row_losses(np.array([0.5, 2.0]), np.zeros((2, 3)))
    array([0.5, 2. ])
    """
    if getattr(returned, "shape", None) != y.shape[:1] or kind_of(returned.dtype) != "float":
        raise InvalidResult(
            f"`rows` returned {_described(returned)}; expected one float for each row, shape"
            f" {tuple(y.shape[:1])}.",
            "loss",
        )
    return returned


def check_deltas(returned: Any, p: Any) -> Any:
    """Check what `Loss.delta` returned.

    Parameters
    ----------
    returned : object
        The result of the loss.
    p : array of shape (n, n_outputs)
        The activated outputs that were passed to the loss.

    Returns
    -------
    array of shape (n, n_outputs)
        The result itself.

    Raises
    ------
    InvalidResult
        If the result is not a float array of the shape of the outputs.

    Examples
    --------
    >>> import numpy as np
    >>> check_deltas(np.array([[0.5], [-1.0]]), np.zeros((2, 1)))
    array([[ 0.5],
           [-1. ]])
    """
    if getattr(returned, "shape", None) != p.shape or kind_of(returned.dtype) != "float":
        raise InvalidResult(
            f"`delta` returned {_described(returned)}; expected floats of the shape of the"
            f" outputs, {tuple(p.shape)}.",
            "loss",
        )
    return returned


@lru_cache(maxsize=64)
def kind_of(dtype: Any) -> str:
    """Return the kind of a dtype of any framework.

    >>> import numpy as np
    >>> kind_of(np.dtype("float32")), kind_of(np.dtype("uint8")), kind_of(np.dtype(bool))
    ('float', 'int', 'bool')
    """
    text = str(dtype)
    return next((kind for kind in ("float", "int", "bool", "complex") if kind in text), text)


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, tuple | list) and len(returned) == 2


def _solver_error(message: str) -> InvalidResult:
    return InvalidResult(message, "solver")


def _check(what: str, new: Any, old: Any) -> None:
    if new is old:
        return
    if getattr(new, "shape", None) != old.shape or kind_of(new.dtype) != kind_of(old.dtype):
        raise _solver_error(f"{what} of {_described(new)}; expected {_described(old)}.")


def _described(array: Any) -> str:
    if not hasattr(array, "shape"):
        return reprlib.repr(array)
    return f"shape {tuple(array.shape)}, dtype {getattr(array.dtype, 'name', array.dtype)}"
