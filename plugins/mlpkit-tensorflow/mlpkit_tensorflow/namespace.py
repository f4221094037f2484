"""The array functions for networks, losses and solvers, implemented with TensorFlow.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. `mlpkit.plugin.NAMESPACE`
describes the functions, whose names, arguments and results are those of the array API standard.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mlpkit.backend_kit import large_matmul

Tensor = Any  # TensorFlow has no complete types

pi = math.pi
float32, float64, int32 = tf.float32, tf.float64, tf.int32
SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766

abs = tf.abs
bitwise_right_shift = tf.bitwise.right_shift
broadcast_to = tf.broadcast_to
cos = tf.cos
exp = tf.exp
expand_dims = tf.expand_dims
expm1 = tf.math.expm1
floor = tf.floor
isfinite = tf.math.is_finite
isnan = tf.math.is_nan
log = tf.math.log
log1p = tf.math.log1p
ones_like = tf.ones_like
permute_dims = tf.transpose
pow = tf.pow
relu = tf.nn.relu
reshape = tf.reshape
round = tf.round
sigmoid = logistic = tf.sigmoid
sign = tf.sign
silu = tf.nn.silu
sin = tf.sin
softplus = tf.nn.softplus
sqrt = tf.sqrt
square = tf.square
tanh = tf.tanh
zeros_like = tf.zeros_like


def leaky_relu(x: Tensor) -> Tensor:
    """Return x above 0, else x / 100."""
    return tf.where(x > 0, x, 0.01 * x)


def gelu(x: Tensor) -> Tensor:
    """Return x times the normal distribution function."""
    # tf.nn.gelu rounds its square root of 2 to single precision
    return 0.5 * x * tf.math.erfc(-math.sqrt(0.5) * x)


def selu(x: Tensor) -> Tensor:
    """Return the scaled exponential linear unit; its derivative at 0 is the left one."""
    return tf.where(x > 0, SELU_SCALE * x, SELU_BOTTOM * tf.math.expm1(tf.minimum(x, 0)))


def mish(x: Tensor) -> Tensor:
    """Return x * tanh(softplus(x))."""
    return x * tf.tanh(tf.nn.softplus(x))


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return exp(x) divided by its sum along an axis."""
    return tf.nn.softmax(x, axis)


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over one axis, several axes, or all of them."""
    return tf.reduce_sum(x, axis, keepdims)


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over one axis, several axes, or all of them."""
    return tf.reduce_mean(x, axis, keepdims)


def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the maximum over one axis, several axes, or all of them."""
    return tf.reduce_max(x, axis, keepdims)


def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the minimum over one axis, several axes, or all of them."""
    return tf.reduce_min(x, axis, keepdims)


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return the matrix product of the last two axes; the others are broadcast."""
    return large_matmul(tf.reshape, tf.matmul, x, y)


def cumulative_sum(x: Tensor, axis: int) -> Tensor:
    """Return the sums of the first elements along an axis."""
    return tf.cumsum(x, axis)


def sort(x: Tensor, axis: int = -1) -> Tensor:
    """Return x in ascending order along an axis."""
    return tf.sort(x, axis)


def argsort(x: Tensor, axis: int = -1) -> Tensor:
    """Return the indices that sort x along an axis, in a stable order."""
    return tf.argsort(x, axis, stable=True)


def maximum(x: Any, y: Any) -> Tensor:
    """Return the elementwise maximum; one of the arguments may be a number."""
    return tf.maximum(*_tensors(x, y))


def minimum(x: Any, y: Any) -> Tensor:
    """Return the elementwise minimum; one of the arguments may be a number."""
    return tf.minimum(*_tensors(x, y))


def where(condition: Tensor, x: Any, y: Any) -> Tensor:
    """Return x where the condition is true, else y; one of them may be a number."""
    return tf.where(condition, *_tensors(x, y))


def clip(x: Tensor, min: Any, max: Any) -> Tensor:
    """Return the elements of x, limited to the interval from ``min`` to ``max``."""
    return tf.clip_by_value(x, min, max)


def einsum(subscripts: str, *arrays: Tensor) -> Tensor:
    """Return a sum of products."""
    return tf.einsum(subscripts, *arrays)


def moveaxis(x: Tensor, source: int, destination: int) -> Tensor:
    """Return x with one axis at another position."""
    axes = list(range(x.shape.rank))
    axes.insert(destination % len(axes), axes.pop(source))
    return tf.transpose(x, axes)


def concat(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return arrays joined along an axis."""
    return tf.concat(list(arrays), axis)


def stack(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return arrays joined along a new axis."""
    return tf.stack(list(arrays), axis)


def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Return elements along an axis; the indices have any shape."""
    return tf.gather(x, indices, axis=axis)


def take_along_axis(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Return elements along an axis, of indices with the other axes of x or of length 1."""
    axis %= x.shape.rank
    last = x.shape.rank - 1
    x, indices = moveaxis(x, axis, last), moveaxis(indices, axis, last)
    n = indices.shape[-1]
    indices = tf.broadcast_to(indices, (*x.shape[:-1], n))
    return moveaxis(tf.gather(x, indices, axis=last, batch_dims=last), last, axis)


def astype(x: Any, dtype: Any) -> Tensor:
    """Return x converted to a dtype."""
    return tf.cast(x, dtype)


def asarray(x: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of a number, a list or a NumPy array."""
    if dtype is None or not tf.is_tensor(x):
        return tf.convert_to_tensor(x, dtype)
    return tf.cast(x, dtype)


def zeros(shape: Any, dtype: Any) -> Tensor:
    """Return a tensor of zeros."""
    return tf.zeros(shape, dtype)


def ones(shape: Any, dtype: Any) -> Tensor:
    """Return a tensor of ones."""
    return tf.ones(shape, dtype)


def arange(n: int) -> Tensor:
    """Return the integers 0, 1, ..., n - 1."""
    return tf.range(n)


def finfo(dtype: Any) -> Any:
    """Return the limits of a floating-point dtype: ``eps``, ``tiny``, ``max``."""
    return np.finfo(tf.as_dtype(dtype).as_numpy_dtype)


def _tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    dtype = x.dtype if tf.is_tensor(x) else y.dtype
    first, second = (a if tf.is_tensor(a) else tf.constant(a, dtype) for a in (x, y))
    return first, second


globals()["bool"] = tf.bool  # assigned last, since annotations use Python's own
