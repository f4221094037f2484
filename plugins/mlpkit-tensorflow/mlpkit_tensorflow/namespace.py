"""The array functions for losses and solvers, implemented with TensorFlow.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. Names, arguments and results
are those of the array API standard.
"""

from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any  # TensorFlow has no complete types

abs = tf.abs
bitwise_right_shift = tf.bitwise.right_shift
cos = tf.cos
exp = tf.exp
expm1 = tf.math.expm1
floor = tf.floor
isfinite = tf.math.is_finite
isnan = tf.math.is_nan
log = tf.math.log
log1p = tf.math.log1p
maximum = tf.maximum
minimum = tf.minimum
ones_like = tf.ones_like
pow = tf.pow
sign = tf.sign
sin = tf.sin
sqrt = tf.sqrt
square = tf.square
stack = tf.stack
tanh = tf.tanh
where = tf.where
zeros_like = tf.zeros_like


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


def clip(x: Tensor, min: Any, max: Any) -> Tensor:
    """Return the elements of x, limited to the interval from ``min`` to ``max``."""
    return tf.clip_by_value(x, min, max)


def finfo(dtype: Any) -> Any:
    """Return the limits of a floating-point dtype: ``eps``, ``tiny``, ``max``."""
    return np.finfo(tf.as_dtype(dtype).as_numpy_dtype)
