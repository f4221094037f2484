"""Tensors of a graph, with the operators of Python."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import Graph, has_rows, onnx_type

_LIMIT = np.iinfo(np.int64)


class Tensor:
    """A value in a graph: a result of a node, an input or a constant.

    Parameters
    ----------
    graph : Graph
        The graph.
    name : str
        The name of the value.
    dtype : dtype
        The dtype of NumPy.
    shape : tuple of int
        The lengths of the axes; that of rows is `ROWS`.
    """

    __array_ufunc__ = None  # an operator with an array of NumPy is that of the tensor
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, name: str, dtype: Any, shape: Sequence[int]) -> None:
        self.graph, self.name = graph, name
        self.dtype, self.shape = np.dtype(dtype), tuple(shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def node(self, operator: str, *others: str, shape: Any = None, **attributes: Any) -> "Tensor":
        """Return the result of an operator with this tensor as its first input."""
        name = self.graph.node(operator, [self.name, *others], **attributes)
        return Tensor(self.graph, name, self.dtype, self.shape if shape is None else shape)

    def cast(self, dtype: Any) -> "Tensor":
        """Return the tensor converted to a dtype."""
        if self.dtype == dtype:
            return self
        name = self.graph.node("Cast", [self.name], to=onnx_type(dtype))
        return Tensor(self.graph, name, dtype, self.shape)

    def __add__(self, other: Any) -> "Tensor":
        return binary("Add", self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return binary("Add", other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return binary("Sub", self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return binary("Sub", other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return binary("Mul", self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return binary("Mul", other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return binary("Div", self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return binary("Div", other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return binary("Pow", self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return binary("Pow", other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return product(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return product(other, self)

    def __neg__(self) -> "Tensor":
        return self.node("Neg")

    def __abs__(self) -> "Tensor":
        return self.node("Abs")

    def __invert__(self) -> "Tensor":
        return self.node("Not")

    def __and__(self, other: Any) -> "Tensor":
        return binary("And", self, other)

    def __rand__(self, other: Any) -> "Tensor":
        return binary("And", other, self)

    def __or__(self, other: Any) -> "Tensor":
        return binary("Or", self, other)

    def __ror__(self, other: Any) -> "Tensor":
        return binary("Or", other, self)

    def __xor__(self, other: Any) -> "Tensor":
        return binary("Xor", self, other)

    def __lt__(self, other: Any) -> "Tensor":
        return binary("Less", self, other, bool)

    def __le__(self, other: Any) -> "Tensor":
        return binary("LessOrEqual", self, other, bool)

    def __gt__(self, other: Any) -> "Tensor":
        return binary("Greater", self, other, bool)

    def __ge__(self, other: Any) -> "Tensor":
        return binary("GreaterOrEqual", self, other, bool)

    def __eq__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return binary("Equal", self, other, bool)

    def __ne__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return ~binary("Equal", self, other, bool)

    def __bool__(self) -> bool:
        raise NotConvertible(
            "its forward pass depends on the values of an array, as in `if x > 0`. Use xp.where."
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> "Tensor":
        return indexed(self, index if isinstance(index, tuple) else (index,))


def lifted(graph: Graph, value: Any, dtype: Any = None) -> Tensor:
    """Return a tensor unchanged, an array as a constant, and a number as a constant of a dtype."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value)
    if array.ndim == 0 and dtype is not None:
        array = array.astype(dtype)
    return Tensor(graph, graph.constant(array), array.dtype, array.shape)


def tensors(*values: Any) -> list[Tensor]:
    """Return arguments, of which one is a tensor, as tensors of one graph."""
    first = next(value for value in values if isinstance(value, Tensor))
    return [lifted(first.graph, value, first.dtype) for value in values]


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the result of an elementwise function.

    >>> broadcast((3, 1), (4,), ())
    (3, 4)
    """
    result: list[int] = []
    for axis in range(1, max(map(len, shapes)) + 1):
        lengths = {shape[-axis] for shape in shapes if len(shape) >= axis} - {1}
        if len(lengths) > 1:
            raise ValueError(f"shapes {', '.join(map(str, shapes))} cannot be broadcast")
        result.insert(0, lengths.pop() if lengths else 1)
    return tuple(result)


def binary(operator: str, x: Any, y: Any, dtype: Any = None, **attributes: Any) -> Tensor:
    """Return the result of an elementwise operator of two arguments."""
    first, second = tensors(x, y)
    name = first.graph.node(operator, [first.name, second.name], **attributes)
    shape = broadcast(first.shape, second.shape)
    return Tensor(first.graph, name, first.dtype if dtype is None else dtype, shape)


def product(x: Any, y: Any) -> Tensor:
    """Return the matrix product of the last two axes."""
    first, second = tensors(x, y)
    leading = broadcast(first.shape[:-2], second.shape[:-2])
    rows = first.shape[-2:-1]
    columns = second.shape[-1:] if second.ndim > 1 else ()
    return first.node("MatMul", second.name, shape=(*leading, *rows, *columns))


def indexed(x: Tensor, index: tuple[Any, ...]) -> Tensor:
    """Return x[index], for integers, slices, None and an ellipsis."""
    n_axes = sum(part is not None and part is not Ellipsis for part in index)
    if Ellipsis not in [part for part in index if part is Ellipsis]:
        index = (*index, Ellipsis)
    at = next(i for i, part in enumerate(index) if part is Ellipsis)
    whole = (slice(None),) * (x.ndim - n_axes)
    parts = (*index[:at], *whole, *index[at + 1 :])
    new = [i for i, part in enumerate(parts) if part is None]  # axes of the result before the
    removed = []  # removal of axes
    for axis, (i, part) in enumerate((i, p) for i, p in enumerate(parts) if p is not None):
        if isinstance(part, slice):
            x = _sliced(x, axis, part)
        else:
            start = range(x.shape[axis])[int(part)]  # raises IndexError
            x = _sliced(x, axis, slice(start, start + 1))
            removed.append(i)
    if new:
        x = unsqueezed(x, new)
    return squeezed(x, removed) if removed else x


def _sliced(x: Tensor, axis: int, part: slice) -> Tensor:
    if part == slice(None):
        return x
    if has_rows(x.shape[axis]):
        raise NotConvertible("its forward pass takes a part of the rows of X.")
    chosen = range(x.shape[axis])[part]
    if part.step in (None, 1) and len(chosen) == x.shape[axis]:
        return x
    step = chosen.step
    stop = chosen.start + len(chosen) * step
    stop = _LIMIT.min if stop < 0 else stop
    bounds = [[chosen.start], [stop], [axis], [step]]
    names = [x.graph.constant(np.array(b, dtype=np.int64)) for b in bounds]
    shape = (*x.shape[:axis], len(chosen), *x.shape[axis + 1 :])
    return x.node("Slice", *names, shape=shape)


def unsqueezed(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Return x with new axes of length 1 at positions in the result."""
    shape = list(x.shape)
    for axis in sorted(axes):
        shape.insert(axis, 1)
    axes_name = x.graph.constant(np.array(sorted(axes), dtype=np.int64))
    return x.node("Unsqueeze", axes_name, shape=shape)


def squeezed(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Return x without axes of length 1."""
    shape = [length for i, length in enumerate(x.shape) if i not in axes]
    axes_name = x.graph.constant(np.array(sorted(axes), dtype=np.int64))
    return x.node("Squeeze", axes_name, shape=shape)
