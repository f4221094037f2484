"""The namespace `xp` of symbols."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit.backend_kit.tracing import shapes
from mlpkit.backend_kit.tracing.functions import FUNCTIONS
from mlpkit.backend_kit.tracing.programs import Operation
from mlpkit.backend_kit.tracing.recordings import Recording, Rows
from mlpkit.backend_kit.tracing.symbols import (
    Symbol,
    as_symbol,
    converted,
    elementwise,
    joined,
    power,
    vector_of,
)

SELU_SCALE = 1.0507009873554805  # Klambauer et al., 2017
SELU_BOTTOM = 1.7580993408473766  # scale * alpha
MAX_PRODUCTS = 4096  # largest matrix of constants whose product is written out, in numbers


class SymbolNamespace:
    """The array functions for symbols.

    It has the elementwise functions and the activations of `NAMESPACE`, and what a loss may do
    with the outputs of one row. Other functions raise InvalidResult.

    Parameters
    ----------
    recording : Recording
        Where operations are added.
    """

    pi = math.pi
    float32, float64, int32, bool = np.float32, np.float64, np.int32, np.bool_
    finfo = staticmethod(np.finfo)
    pow = staticmethod(power)

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS:
            return lambda *operands: elementwise(name, *operands)
        if name in ACTIVATIONS:
            return lambda x: ACTIVATIONS[name](self, x)
        raise self._recording.error(
            f"used xp.{name}, which cannot be traced",
            "Use elementwise functions, such as xp.where and xp.maximum, and sums over axis 1.",
        )

    def clip(self, x: Any, min: Any, max: Any) -> Any:
        """Return x limited to an interval."""
        return self.minimum(self.maximum(x, min), max)

    def softmax(self, x: Any, axis: int = -1) -> Symbol:
        """Return exp(x) divided by its sum along an axis."""
        x = self.asarray(x)
        e: Symbol = self.exp(x - self.max(x, axis, keepdims=True))
        return e / self.sum(e, axis, keepdims=True)

    def sum(self, x: Any, axis: Any = None, keepdims: Any = False) -> Symbol:
        """Return the sums over axis 1."""
        return self._reduced("sum", x, axis, keepdims)

    def mean(self, x: Any, axis: Any = None, keepdims: Any = False) -> Symbol:
        """Return the means over axis 1."""
        x = self.asarray(x)
        total = self._reduced("sum", x, axis, keepdims, "mean")
        n_elements: int = math.prod(x.shape[a] for a in self._axes(x, axis))
        return total / n_elements

    def max(self, x: Any, axis: Any = None, keepdims: Any = False) -> Symbol:
        """Return the maxima over axis 1."""
        return self._reduced("max", x, axis, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: Any = False) -> Symbol:
        """Return the minima over axis 1."""
        return self._reduced("min", x, axis, keepdims)

    def cumulative_sum(self, x: Any, axis: int) -> Symbol:
        """Return the sums of the first columns."""
        x = self.asarray(x)
        columns = self._columns(x, axis, "cumulative_sum")
        for i in range(1, len(columns)):
            columns[i] = columns[i - 1] + columns[i]
        return self._joined(columns, x.shape)

    def matmul(self, x: Any, y: Any) -> Symbol:
        """Return the product of rows and a matrix of constants."""
        x = self.asarray(x)
        matrix = np.asarray(y) if not isinstance(y, Symbol) else None
        if matrix is None or matrix.ndim != 2 or matrix.size > MAX_PRODUCTS or x.ndim != 2:
            raise self._recording.error(
                "used xp.matmul",
                f"Only products with a NumPy array of {MAX_PRODUCTS} numbers"
                " at most can be traced.",
            )
        columns = [self.sum(x * column, axis=1) for column in matrix.T]
        return self._joined(columns, (x.shape[0], matrix.shape[1]))

    def reshape(self, x: Any, shape: Any) -> Symbol:
        """Return x with another shape."""
        x = self.asarray(x)
        return Symbol(x.recording, x.place, shapes.reshaped(x.recording, x.shape, shape), x.dtype)

    def expand_dims(self, x: Any, axis: int) -> Symbol:
        """Return x with a new axis of length 1."""
        array = self.asarray(x)
        axis = shapes.normalized(self._recording, (*array.shape, 1), axis)
        return array[(*[slice(None)] * axis, None)]

    def broadcast_to(self, x: Any, shape: Any) -> Symbol:
        """Return x repeated along axes of length 1 and new first axes."""
        x = self.asarray(x)
        if shapes.broadcast(self._recording, [x.shape, tuple(shape)]) != tuple(shape):
            raise self._recording.error(f"broadcast the shape {x.shape} to {tuple(shape)}")
        return self._filled(x, shape)

    def concat(self, arrays: Any, axis: int = 0) -> Symbol:
        """Return arrays joined along an axis that is not that of rows."""
        arrays = [self.asarray(a) for a in arrays]
        axis = shapes.normalized(self._recording, arrays[0].shape, axis)
        if any(isinstance(a.shape[axis], Rows) for a in arrays):
            raise self._recording.error("joined rows by xp.concat", "Use axis=1.")
        total = sum(a.shape[axis] for a in arrays)
        shape = (*arrays[0].shape[:axis], total, *arrays[0].shape[axis + 1 :])
        return self._joined(arrays, shape)

    def stack(self, arrays: Any, axis: int = 0) -> Symbol:
        """Return arrays joined along a new axis that is not the first one."""
        arrays = [self.asarray(a) for a in arrays]
        common = shapes.broadcast(self._recording, [a.shape for a in arrays])
        axis = shapes.normalized(self._recording, (*common, 1), axis)
        return self._joined(arrays, (*common[:axis], len(arrays), *common[axis:]))

    def take(self, x: Any, indices: Any, axis: int) -> Symbol:
        """Return columns by constant indices."""
        x = self.asarray(x)
        columns = self._columns(x, axis, "take")
        chosen = np.asarray(indices)
        kept = [columns[i] for i in chosen.ravel()]
        return self._joined(kept, (*x.shape[:-1], *chosen.shape))

    def asarray(self, x: Any, dtype: Any = None) -> Symbol:
        """Return an array of a number, a list or a NumPy array."""
        x = as_symbol(self._recording, x)
        return x if dtype is None else converted(x, dtype)

    def astype(self, x: Any, dtype: Any) -> Symbol:
        """Return x converted to a dtype."""
        return self.asarray(x, dtype)

    def zeros(self, shape: Any, dtype: Any = np.float64) -> Symbol:
        """Return an array of zeros."""
        return self._filled(self.asarray(0, dtype), shape)

    def ones(self, shape: Any, dtype: Any = np.float64) -> Symbol:
        """Return an array of ones."""
        return self._filled(self.asarray(1, dtype), shape)

    def zeros_like(self, x: Any) -> Symbol:
        """Return zeros in the shape and the dtype of x."""
        x = self.asarray(x)
        return self.zeros(x.shape, x.dtype)

    def ones_like(self, x: Any) -> Symbol:
        """Return ones in the shape and the dtype of x."""
        x = self.asarray(x)
        return self.ones(x.shape, x.dtype)

    def arange(self, n: Any) -> Symbol:
        """Return the integers 0, 1, ..., n - 1."""
        return self.asarray(np.arange(int(n)))

    def _filled(self, x: Any, shape: Any) -> Symbol:
        """Return x in a shape to which it can be broadcast."""
        shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        shapes.length(self._recording, shape)
        return Symbol(self._recording, x.place, shape, x.dtype)

    def _reduced(self, name: str, x: Any, axis: Any, keepdims: Any, called: str = "") -> Symbol:
        """Return the values of a reduction over all axes but that of rows."""
        x = self.asarray(x)
        chosen = self._axes(x, axis)
        called = f"called xp.{called or name} over"
        if any(isinstance(x.shape[a], Rows) for a in chosen):
            raise self._recording.error(f"{called} {OVER[self._recording.kind]}")
        is_reduced = any(x.shape[a] != 1 for a in chosen)
        kept = [size for a, size in enumerate(x.shape) if a not in chosen]
        if is_reduced and any(size != 1 for size in kept if not isinstance(size, Rows)):
            raise self._recording.error(f"{called} axis {axis} of an array of shape {x.shape}")
        shape = tuple(
            1 if i in chosen else size
            for i, size in enumerate(x.shape)
            if keepdims or i not in chosen
        )
        if x.dtype == np.bool_ and name == "sum":
            x = converted(x, np.int64)
        place = x.place
        if is_reduced:
            place = self._recording.add(Operation(name, (vector_of(x),), (), x.dtype.name, None))
        return Symbol(self._recording, place, shape, x.dtype)

    def _axes(self, x: Symbol, axis: Any) -> set[int]:
        """Return the axes of a reduction."""
        axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return {shapes.normalized(self._recording, x.shape, a) for a in axes}

    def _columns(self, x: Symbol, axis: int, name: str) -> list[Symbol]:
        axis = shapes.normalized(self._recording, x.shape, axis)
        if axis != x.ndim - 1 or isinstance(x.shape[axis], Rows):
            raise self._recording.error(f"called xp.{name} along axis {axis}", "Use axis=1.")
        return [x[..., i] for i in range(x.shape[axis])]

    def _joined(self, arrays: list[Symbol], shape: Any) -> Symbol:
        dtype = np.result_type(*(a.dtype for a in arrays))
        shapes.length(self._recording, shape)
        places = [vector_of(converted(a, dtype)) for a in arrays]
        return Symbol(self._recording, joined(self._recording, places, dtype), shape, dtype)


OVER = {
    "solver": "the weights. An update of a `Solver` is elementwise; write a `Joint`, which"
    " receives whole arrays",
    "loss": "the rows. The loss of a row may only depend on that row; use axis=1",
}


def _softplus(xp: Any, x: Any) -> Any:
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


#: Activations as compositions of elementwise functions.
ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda xp, x: xp.maximum(x, 0),
    "leaky_relu": lambda xp, x: xp.maximum(x, 0.01 * x),
    "gelu": lambda xp, x: x * xp.ndtr(x),
    "silu": lambda xp, x: x * xp.sigmoid(x),
    "selu": lambda xp, x: xp.where(x > 0, SELU_SCALE * x, SELU_BOTTOM * xp.expm1(xp.minimum(x, 0))),
    "mish": lambda xp, x: x * xp.tanh(_softplus(xp, x)),
    "logistic": lambda xp, x: xp.sigmoid(x),
    "softplus": _softplus,
}
