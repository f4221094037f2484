"""Shapes of symbols, whose first axis may have an unknown length."""

from math import prod
from types import EllipsisType
from typing import Any

import numpy as np

from mlpkit.backend_kit.tracing.recordings import Recording, Rows

Shape = tuple[Any, ...]


def inner(shape: Shape) -> Shape:
    """Return the shape without the axis of rows.

    >>> inner((2, 3))
    (2, 3)
    """
    return shape[1:] if shape and isinstance(shape[0], Rows) else shape


def length(recording: Recording, shape: Shape) -> int | None:
    """Return the length of the vector that the values of one row are; None for one number."""
    lengths = [size for size in inner(shape) if size != 1]
    if any(isinstance(size, Rows) for size in lengths):
        raise recording.error("moved the axis of rows", "It has to remain the first axis.")
    if len(lengths) > 1 or 0 in lengths:
        raise recording.error(
            f"computed an array of shape {shape}",
            "What can be traced has at most one other axis, with one or more elements.",
        )
    return lengths[0] if lengths else None


def broadcast(recording: Recording, shapes: list[Shape]) -> Shape:
    """Return the common shape of the operands of an elementwise function.

    >>> broadcast(Recording("loss"), [(3,), (2, 1)])
    (2, 3)
    """
    ndim = max(map(len, shapes))
    common: list[Any] = []
    for axis in range(ndim):
        aligned = [s[axis - ndim + len(s)] for s in shapes if axis - ndim + len(s) >= 0]
        lengths = [size for size in aligned if size != 1] or [1]
        if any(size != lengths[0] for size in lengths):
            described = " and ".join(map(str, shapes))
            raise recording.error(f"combined arrays of shapes {described}, which do not match")
        common.append(lengths[0])
    return tuple(common)


def indexed(recording: Recording, shape: Shape, index: Any) -> tuple[Shape, tuple[int, ...] | None]:
    """Return the shape of indexed elements, and which elements of the vector; None for all."""
    items = list(index) if isinstance(index, tuple) else [index]
    n_axes = sum(item is not None and item is not Ellipsis for item in items)
    if sum(isinstance(item, EllipsisType) for item in items) > 1 or n_axes > len(shape):
        raise recording.error(f"used too many indices for an array of shape {shape}: {index!r}")
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    at = next(i for i, item in enumerate(items) if item is Ellipsis)
    items[at : at + 1] = [slice(None)] * (len(shape) - n_axes)
    new_shape: list[Any] = []
    elements, axis = None, 0
    for item in items:
        if item is None:
            new_shape.append(1)
            continue
        kept, chosen = _along(recording, shape[axis], item)
        new_shape += kept
        if shape[axis] != 1 and not isinstance(shape[axis], Rows):
            elements = chosen
        axis += 1
    length(recording, tuple(new_shape))
    return tuple(new_shape), elements


def reshaped(recording: Recording, shape: Shape, new: Any) -> Shape:
    """Return a new shape with -1 replaced; rows stay what they are.

    >>> reshaped(Recording("loss"), (6,), (1, -1))
    (1, 6)
    """
    given = tuple(new) if isinstance(new, tuple | list) else (new,)
    first, size = shape[: len(shape) - len(inner(shape))], prod(inner(shape))
    rest = list(given[len(first) :])
    kept = not first or given[:1] in (first, (-1,))
    if kept and not any(isinstance(s, Rows) for s in rest):
        if rest.count(-1) == 1 and prod(rest):
            rest[rest.index(-1)] = size // -prod(rest)
        if prod(rest) == size:
            length(recording, (*first, *rest))
            return (*first, *rest)
    raise recording.error(
        f"changed the shape {shape} to {given}", "The axis of rows has to remain."
    )


def normalized(recording: Recording, shape: Shape, axis: Any) -> int:
    """Return an axis as a number that is not negative."""
    ndim = len(shape)
    if not isinstance(axis, int | np.integer) or not -ndim <= axis < ndim:
        raise recording.error(f"used axis={axis!r} of an array of shape {shape}")
    return int(axis) % ndim


def _along(recording: Recording, size: Any, item: Any) -> tuple[list[Any], Any]:
    """Return the new axes of one indexed axis, and the chosen elements; None for all."""
    if isinstance(size, Rows):
        if isinstance(item, slice):
            if item == slice(None):
                return [size], None
            parts = [item.start, item.stop, *([item.step] if item.step is not None else [])]
            text = ":".join("" if part is None else str(part) for part in parts)
            return [Rows(recording, f"{size}[{text}]")], None
        raise recording.error(f"indexed the axis of rows by {item!r}")
    if isinstance(item, slice):
        chosen = tuple(range(size))[item]
        return [len(chosen)], None if chosen == tuple(range(size)) else chosen
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        if not -size <= item < size:
            raise recording.error(f"used the index {item} for an axis of length {size}")
        return [], (int(item) % size,)
    raise recording.error(
        f"indexed an array by {item!r}", "Use whole numbers, slices, None and xp.where."
    )
