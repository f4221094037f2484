"""Functions of the namespace that change shapes or create arrays."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit import numpy_namespace
from mlpkit_onnx.elementwise import traced
from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import current_graph, has_rows
from mlpkit_onnx.tensors import Tensor, lifted, tensors, unsqueezed


@traced
def reshape(x: Any, shape: Any) -> Any:
    """Return x with another shape; one length may be -1."""
    lengths = [shape] if isinstance(shape, int) else list(shape)
    if -1 in lengths:
        known = math.prod(n for n in lengths if n != -1)
        lengths[lengths.index(-1)] = math.prod(x.shape) // known if known else 0
    if math.prod(lengths) != math.prod(x.shape):
        raise ValueError(f"cannot reshape an array of shape {x.shape} into {tuple(lengths)}")
    if sum(map(has_rows, lengths)) != sum(map(has_rows, x.shape)):
        raise NotConvertible("its forward pass mixes the axis of rows with others.")
    if tuple(lengths) == x.shape:
        return x
    target = [-1 if has_rows(n) else n for n in lengths]
    return x.node("Reshape", x.graph.constant(np.array(target, dtype=np.int64)), shape=lengths)


@traced
def permute_dims(x: Any, axes: Sequence[int]) -> Any:
    """Return x with its axes in another order."""
    axes = [a % x.ndim for a in axes]
    return x.node("Transpose", shape=[x.shape[a] for a in axes], perm=axes)


@traced
def moveaxis(x: Any, source: int, destination: int) -> Any:
    """Return x with one axis at another position."""
    axes = list(range(x.ndim))
    axes.insert(destination % x.ndim, axes.pop(source))
    return permute_dims(x, axes)


@traced
def expand_dims(x: Any, axis: int) -> Any:
    """Return x with a new axis of length 1."""
    return unsqueezed(x, [axis % (x.ndim + 1)])


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """Return x repeated along axes of length 1 and new first axes."""
    shape = tuple(shape)
    if not isinstance(x, Tensor):
        if not any(map(has_rows, shape)):
            return numpy_namespace.broadcast_to(x, shape)
        x = lifted(current_graph(), x)
    if x.shape == shape:
        return x
    new = len(shape) - x.ndim
    # Expand keeps the axes of x where the length is 1
    target = [1 if i >= new and x.shape[i - new] == n else n for i, n in enumerate(shape)]
    return x.node("Expand", x.graph.shape(target), shape=shape)


def concat(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along an axis."""
    arrays = list(arrays)
    if not any(isinstance(a, Tensor) for a in arrays):
        return numpy_namespace.concat(arrays, axis=axis)
    parts = tensors(*arrays)
    axis %= parts[0].ndim
    if len(parts) == 1:
        return parts[0]
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return parts[0].node("Concat", *[p.name for p in parts[1:]], shape=shape, axis=axis)


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along a new axis."""
    if not any(isinstance(a, Tensor) for a in arrays):
        return numpy_namespace.stack(arrays, axis=axis)
    parts = tensors(*arrays)
    axis %= parts[0].ndim + 1
    return concat([unsqueezed(part, [axis]) for part in parts], axis)


def asarray(x: Any, dtype: Any = None) -> Any:
    """Return an array of a number, a list or a NumPy array."""
    if isinstance(x, Tensor):
        return x if dtype is None else x.cast(dtype)
    return np.asarray(x, dtype=dtype)


def astype(x: Any, dtype: Any) -> Any:
    """Return x converted to a dtype."""
    return x.cast(dtype) if isinstance(x, Tensor) else np.asarray(x).astype(dtype)


def zeros(shape: Any, dtype: Any) -> Any:
    """Return an array of zeros."""
    return _filled(0, shape, dtype)


def ones(shape: Any, dtype: Any) -> Any:
    """Return an array of ones."""
    return _filled(1, shape, dtype)


def _filled(value: int, shape: Any, dtype: Any) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return broadcast_to(np.full((), value, dtype=dtype), shape)


@traced
def zeros_like(x: Any) -> Any:
    """Return zeros in the shape and the dtype of x."""
    with x.graph.current():
        return _filled(0, x.shape, x.dtype)


@traced
def ones_like(x: Any) -> Any:
    """Return ones in the shape and the dtype of x."""
    with x.graph.current():
        return _filled(1, x.shape, x.dtype)


def arange(n: int) -> Any:
    """Return the integers 0, 1, ..., n - 1."""
    if not has_rows(n):
        return np.arange(n)
    graph = current_graph()
    (length,) = [graph.node("Squeeze", [graph.shape([n])])]
    start, step = (graph.constant(np.array(i, dtype=np.int64)) for i in (0, 1))
    return Tensor(graph, graph.node("Range", [start, length, step]), np.int64, (n,))
