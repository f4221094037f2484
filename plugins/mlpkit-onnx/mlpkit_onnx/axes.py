"""Functions of the namespace along axes: reductions, products and sorting."""

from collections.abc import Callable
from string import ascii_letters
from typing import Any

import numpy as np

from mlpkit import numpy_namespace
from mlpkit_onnx.elementwise import traced
from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import has_rows
from mlpkit_onnx.shapes import broadcast_to, permute_dims
from mlpkit_onnx.tensors import Tensor, lifted, product, tensors


def _reduction(operator: str, name: str) -> Callable[..., Any]:
    """Return a reduction over one axis, a tuple of axes, or all."""

    def function(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = sorted(a % x.ndim for a in given)
        if any(has_rows(x.shape[a]) for a in axes):
            raise NotConvertible("its forward pass reduces over the rows of X.")
        shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        if x.graph.opset < 18 and operator != "ReduceSum":
            return x.node(operator, shape=shape, axes=axes, keepdims=int(keepdims))
        names = x.graph.constant(np.array(axes, dtype=np.int64))
        return x.node(operator, names, shape=shape, keepdims=int(keepdims))

    function.__name__ = name
    return traced(function)


sum = _reduction("ReduceSum", "sum")
mean = _reduction("ReduceMean", "mean")
max = _reduction("ReduceMax", "max")
min = _reduction("ReduceMin", "min")


@traced
def softmax(x: Any, axis: int = -1) -> Any:
    """Return exp(x) divided by its sum along an axis."""
    return x.node("Softmax", axis=axis % x.ndim)


@traced
def cumulative_sum(x: Any, axis: int) -> Any:
    """Return sums of the first elements along an axis."""
    return x.node("CumSum", x.graph.constant(np.array(axis % x.ndim, dtype=np.int64)))


def _sorted(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """Return x in ascending order along an axis, and the indices that sort it."""
    axis %= x.ndim
    if has_rows(x.shape[axis]):
        raise NotConvertible("its forward pass sorts the rows of X.")
    count = x.graph.constant(np.array([x.shape[axis]], dtype=np.int64))
    indices = x.graph.node("TopK", [x.name, count], n_outputs=2, axis=axis, largest=0, sorted=1)
    values = x.graph.nodes[-1].output[0]
    return Tensor(x.graph, values, x.dtype, x.shape), Tensor(x.graph, indices, np.int64, x.shape)


@traced
def sort(x: Any, axis: int = -1) -> Any:
    """Return x in ascending order along an axis."""
    return _sorted(x, axis)[0]


@traced
def argsort(x: Any, axis: int = -1) -> Any:
    """Return the indices that sort x along an axis, in a stable order."""
    return _sorted(x, axis)[1]


@traced
def matmul(x: Any, y: Any) -> Any:
    """Return the matrix product of the last two axes; the others are broadcast."""
    return product(x, y)


def einsum(subscripts: str, *arrays: Any) -> Any:
    """Return a sum of products."""
    if not any(isinstance(a, Tensor) for a in arrays):
        return numpy_namespace.einsum(subscripts, *arrays)
    operands = tensors(*arrays)
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    axes = [
        _axes(labels, operand.ndim)
        for labels, operand in zip(inputs.split(","), operands, strict=True)
    ]
    pairs = [
        pair for of, x in zip(axes, operands, strict=True) for pair in zip(of, x.shape, strict=True)
    ]
    lengths = dict(sorted(pairs, key=lambda pair: pair[1]))  # the largest one of each axis
    dots = sorted((a for a in lengths if len(a) > 1), reverse=True)
    result = [a for part in output.replace("...", " ") for a in (dots if part == " " else [part])]
    if any(has_rows(lengths[axis]) for axis in lengths.keys() - set(result)):
        raise NotConvertible("its forward pass sums over the rows of X.")
    # some versions of onnxruntime fail if an axis of one array alone is summed
    for i, operand in enumerate(operands):
        others = {a for j, of in enumerate(axes) if j != i for a in of}
        alone = [
            k
            for k, (a, n) in enumerate(zip(axes[i], operand.shape, strict=True))
            if (a not in result and a not in others) or n != lengths[a]
        ]
        if alone:
            operands[i] = sum(operand, axis=tuple(alone))
            axes[i] = [a for k, a in enumerate(axes[i]) if k not in alone]
    if len(operands) == 1:
        return permute_dims(operands[0], [axes[0].index(a) for a in result])
    letter = dict(zip(lengths, ascii_letters, strict=False))
    terms = ["".join(letter[a] for a in of) for of in axes]
    equation = f"{','.join(terms)}->{''.join(letter[a] for a in result)}"
    names = [operand.name for operand in operands[1:]]
    shape = [lengths[a] for a in result]
    return operands[0].node("Einsum", *names, shape=shape, equation=equation)


def _axes(labels: str, ndim: int) -> list[str]:
    """Names of the axes of an array: a letter, or the position from the right in an ellipsis."""
    before, _, after = labels.partition("...")
    n = ndim - len(before) - len(after)
    return [*before, *(f"axis {i:02d}" for i in reversed(range(n))), *after]


@traced
def take(x: Any, indices: Any, axis: int) -> Any:
    """Return elements along an axis; the indices have any shape."""
    graph = next(a for a in (x, indices) if isinstance(a, Tensor)).graph
    x, indices = lifted(graph, x), lifted(graph, indices)
    axis %= x.ndim
    if has_rows(x.shape[axis]):
        raise NotConvertible("its forward pass takes elements along the rows of X.")
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return x.node("Gather", indices.name, shape=shape, axis=axis)


@traced
def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """Return elements along an axis, of indices with the other axes of x or 1."""
    graph = next(a for a in (x, indices) if isinstance(a, Tensor)).graph
    x, indices = lifted(graph, x), lifted(graph, indices)
    axis %= x.ndim
    shape = (*x.shape[:axis], indices.shape[axis], *x.shape[axis + 1 :])
    indices = broadcast_to(indices, shape)
    return x.node("GatherElements", indices.name, shape=shape, axis=axis)
