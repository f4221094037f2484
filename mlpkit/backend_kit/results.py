"""Checks of what solvers and losses return. A wrong result is an error; it is never broadcast.

A part of `mlpkit.plugin`, which is where to import them from. A backend passes what a solver
or a loss returned through `stepped`, `moved`, `row_losses` or `deltas`. They look at names,
shapes and dtypes only: a compiler runs them while it traces, and elsewhere a check takes less
than a microsecond for each array.
"""

import reprlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlpkit.plugin import InvalidResult


def stepped(returned: Any, p: Any, optimizer_state: Any) -> tuple[Any, tuple[Any, ...]]:
    """The weights and slots that `Solver.update` returned for ``p`` and ``slots``.

    Raises InvalidResult if they are not ``(p, slots)`` of the same number, shapes and kinds of
    dtype.

    >>> import numpy as np
    >>> stepped((np.ones(2), ()), np.zeros(2), ())
    (array([1., 1.]), ())
    """
    if not _is_pair(returned):
        raise _wrong(f"`update` returned {reprlib.repr(returned)}; expected (p, slots).")
    new, after = returned
    if not isinstance(after, tuple | list) or len(after) != len(optimizer_state):
        raise _wrong(
            f"`update` returned {reprlib.repr(after)} for its slots; expected a tuple of"
            f" {len(optimizer_state)}."
        )
    _check("`update` returned weights", new, p)
    for i, (one, old) in enumerate(zip(after, optimizer_state, strict=True)):
        if one is not old:
            _check(f"`update` returned slot {i}", one, old)
    return new, after if isinstance(after, tuple) else tuple(after)


def moved(
    returned: Any, weights: Mapping[str, Any], optimizer_state: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The weights and slots by name that `Joint.update` returned.

    Raises InvalidResult if names, shapes or kinds of dtype are not those of ``weights`` and
    ``slots``.
    """
    if not _is_pair(returned):
        raise _wrong(f"`update` returned {reprlib.repr(returned)}; expected (weights, slots).")
    for what, found, old in (
        ("weights", returned[0], weights),
        ("slots", returned[1], optimizer_state),
    ):
        if not isinstance(found, Mapping):
            raise _wrong(f"`update` returned {reprlib.repr(found)} for {what}; expected a dict.")
        if found.keys() != old.keys():
            raise _wrong(f"`update` returned {what} named {sorted(found)}; expected {sorted(old)}.")
        for name, one in found.items():
            _check(f"`update` returned {name!r}", one, old[name])
    return returned[0], returned[1]


def row_losses(found: Any, y: Any) -> Any:
    """What `Loss.rows` returned for targets y (n, n_outputs): one number for each row, (n,).

    Raises InvalidResult for any other shape.
    """
    if getattr(found, "shape", None) != y.shape[:1] or kind_of(found.dtype) != "float":
        raise InvalidResult(
            f"`rows` returned {_described(found)}; expected one float for each row, shape"
            f" {tuple(y.shape[:1])}.",
            "loss",
        )
    return found


def deltas(found: Any, p: Any) -> Any:
    """What `Loss.delta` returned for outputs p (n, n_outputs): an array of their shape.

    Raises InvalidResult for any other shape.
    """
    if getattr(found, "shape", None) != p.shape or kind_of(found.dtype) != "float":
        raise InvalidResult(
            f"`delta` returned {_described(found)}; expected floats of the shape of the outputs,"
            f" {tuple(p.shape)}.",
            "loss",
        )
    return found


@lru_cache(maxsize=64)
def kind_of(dtype: Any) -> str:
    """The kind of a dtype of any framework.

    >>> import numpy as np
    >>> kind_of(np.dtype("float32")), kind_of(np.dtype("uint8")), kind_of(np.dtype(bool))
    ('float', 'int', 'bool')
    """
    text = str(dtype)
    return next((kind for kind in ("float", "int", "bool", "complex") if kind in text), text)


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, tuple | list) and len(returned) == 2


def _wrong(message: str) -> InvalidResult:
    return InvalidResult(message, "solver")


def _check(what: str, new: Any, old: Any) -> None:
    if new is old:
        return
    if getattr(new, "shape", None) != old.shape or kind_of(new.dtype) != kind_of(old.dtype):
        raise _wrong(f"{what} of {_described(new)}; expected {_described(old)}.")


def _described(array: Any) -> str:
    if not hasattr(array, "shape"):
        return reprlib.repr(array)
    return f"shape {tuple(array.shape)}, dtype {getattr(array.dtype, 'name', array.dtype)}"
