"""The array functions for networks, losses and solvers, implemented with JAX.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. Functions that are not defined
here are those of `jax.numpy`, which have the same names and arguments as in the array API standard.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from mlpkit.backend_kit import large_matmul

pi = math.pi
relu = jax.nn.relu  # its derivative at 0 is 0, as in scikit-learn
gelu = partial(jax.nn.gelu, approximate=False)
silu, selu, mish, softplus = jax.nn.silu, jax.nn.selu, jax.nn.mish, jax.nn.softplus
sigmoid = logistic = jax.nn.sigmoid
softmax = jax.nn.softmax
# NumPy's names in versions of JAX without those of the standard
bool = jnp.bool_
concat = jnp.concatenate
permute_dims = jnp.transpose


def leaky_relu(x: Any) -> Any:
    """Return x above 0, else x / 100."""
    return jnp.where(x > 0, x, 0.01 * x)


def clip(x: Any, min: Any, max: Any) -> Any:
    """Return the elements of x, limited to the interval from ``min`` to ``max``."""
    return jnp.clip(x, min, max)


def astype(x: Any, dtype: Any) -> Any:
    """Return x converted to a dtype."""
    return jnp.asarray(x).astype(dtype)


def matmul(x: Any, y: Any) -> Any:
    """Return the matrix product of the last two axes; the others are broadcast."""
    return large_matmul(jnp.reshape, jnp.matmul, x, y)


def cumulative_sum(x: Any, axis: int) -> Any:
    """Return the sums of the first elements along an axis."""
    return jnp.cumsum(x, axis)


def take(x: Any, indices: Any, axis: int) -> Any:
    """Return elements along an axis; indices beyond it give an unspecified element."""
    return jnp.take(x, indices, axis, mode="clip")


def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """Return elements along an axis, of indices with the other axes of x or of length 1."""
    return jnp.take_along_axis(x, indices, axis, mode="clip")


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along a new axis."""
    return jnp.stack(list(arrays), axis)


def __getattr__(name: str) -> Any:
    return getattr(jnp, name)
