"""The array functions for networks, losses and solvers, implemented with NumPy.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. `NAMESPACE` describes the
functions; other names are NumPy's own.
"""

import math
from typing import Any

import numpy as np
from scipy.special import expit, ndtr

from mlpkit.backend_kit import large_matmul
from mlpkit.numpy_backend.activations import ACTIVATIONS
from mlpkit.plugin import Array

SHORT = 32  # elements of a row

pi = math.pi
float32, float64, int32 = np.float32, np.float64, np.int32
bool = np.bool_
abs, sign, square, sqrt = np.abs, np.sign, np.square, np.sqrt
exp, expm1, log, log1p = np.exp, np.expm1, np.log, np.log1p
sin, cos, tanh, floor, round = np.sin, np.cos, np.tanh, np.floor, np.rint
isfinite, isnan, maximum, minimum = np.isfinite, np.isnan, np.maximum, np.minimum
pow, where, finfo = np.power, np.where, np.finfo
bitwise_right_shift = np.right_shift
mean, max, min, sort = np.mean, np.max, np.min, np.sort
reshape, permute_dims, moveaxis = np.reshape, np.transpose, np.moveaxis
expand_dims, broadcast_to = np.expand_dims, np.broadcast_to
concat, stack, take, take_along_axis = np.concatenate, np.stack, np.take, np.take_along_axis
asarray, zeros, ones, arange = np.asarray, np.zeros, np.ones, np.arange
zeros_like, ones_like = np.zeros_like, np.ones_like
sigmoid = logistic = expit


def astype(x: Any, dtype: Any) -> Array:
    """Return x converted to a dtype."""
    return np.asarray(x).astype(dtype, copy=False)


def clip(x: Any, lowest: Any, highest: Any) -> Array:
    """Return the values of x within the limits."""
    return np.asarray(np.minimum(np.maximum(x, lowest), highest))  # `np.clip` begins slowly


def einsum(subscripts: str, *arrays: Any) -> Array:
    """Return a sum of products, by matrix products where possible."""
    return np.asarray(np.einsum(subscripts, *arrays, optimize=True))


def matmul(x: Any, y: Any) -> Array:
    """Return the matrix product of the last two axes; the others are broadcast."""
    return np.asarray(large_matmul(np.reshape, np.matmul, x, y))


def sum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the sum over one axis, a tuple of axes, or all."""
    if axis == 1 and not keepdims and x.ndim == 2 and x.shape[1] < SHORT and x.dtype.kind == "f":
        if x.shape[1] == 1:
            return x[:, 0].copy()
        return np.einsum("ij->i", x)  # `np.sum` of many short rows takes four times as long
    return np.sum(x, axis, keepdims=keepdims)


def cumulative_sum(x: Any, axis: int) -> Array:
    """Return the sums of the first elements along an axis."""
    return np.asarray(np.cumsum(x, axis))


def argsort(x: Any, axis: int = -1) -> Array:
    """Return the indices that sort x along an axis, in a stable order."""
    return np.asarray(np.argsort(x, axis, kind="stable"))


def relu(x: Any) -> Array:
    """Return max(x, 0)."""
    return np.asarray(np.maximum(x, 0))


def leaky_relu(x: Any) -> Array:
    """Return x above 0, else x / 100."""
    return np.asarray(np.maximum(x, 0.01 * x))


def gelu(x: Any) -> Array:
    """Return x times the normal distribution function."""
    return np.asarray(x * ndtr(x))


def silu(x: Any) -> Array:
    """Return x * sigmoid(x)."""
    return np.asarray(x * expit(x))


def selu(x: Any) -> Array:
    """Return the scaled exponential linear unit."""
    return _activated("selu", x)


def mish(x: Any) -> Array:
    """Return x * tanh(softplus(x))."""
    return _activated("mish", x)


def softplus(x: Any) -> Array:
    """Return log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, np.zeros((), np.asarray(x).dtype)))


def softmax(x: Any, axis: int = -1) -> Array:
    """Return exp(x) divided by its sum along an axis."""
    e = np.exp(x - np.max(x, axis, keepdims=True))
    return np.asarray(e / np.sum(e, axis, keepdims=True))


def _activated(name: str, x: Any) -> Array:
    a = np.array(x)
    ACTIVATIONS[name](a)
    return a


def __getattr__(name: str) -> Any:
    return getattr(np, name)
