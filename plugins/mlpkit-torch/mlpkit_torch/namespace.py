"""The array functions for networks, losses and solvers, implemented with PyTorch.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. `mlpkit.plugin.NAMESPACE`
describes the functions. Those that are not defined here are PyTorch's own, which have the same
names and arguments as in the array API standard.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from mlpkit.backend_kit import large_matmul

Tensor: TypeAlias = torch.Tensor

pi = math.pi
relu, selu, sigmoid, logistic = torch.relu, torch.selu, torch.sigmoid, torch.sigmoid
gelu, silu, mish, leaky_relu = (
    functional.gelu,
    functional.silu,
    functional.mish,
    functional.leaky_relu,
)


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x)), without PyTorch's approximation for large x."""
    return torch.logaddexp(x, torch.zeros_like(x))


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return exp(x) divided by its sum along an axis."""
    return torch.softmax(x, dim=axis)


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over one axis, several axes, or all of them."""
    return torch.sum(x, dim=axis, keepdim=keepdims)


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over one axis, several axes, or all of them."""
    return torch.mean(x, dim=axis, keepdim=keepdims)


def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the maximum over one axis, several axes, or all of them."""
    return torch.amax(x, dim=() if axis is None else axis, keepdim=keepdims)


def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the minimum over one axis, several axes, or all of them."""
    return torch.amin(x, dim=() if axis is None else axis, keepdim=keepdims)


def cumulative_sum(x: Tensor, axis: int) -> Tensor:
    """Return the sums of the first elements along an axis."""
    return torch.cumsum(x, dim=axis)


def sort(x: Tensor, axis: int = -1) -> Tensor:
    """Return x in ascending order along an axis."""
    return torch.sort(x, dim=axis).values


def argsort(x: Tensor, axis: int = -1) -> Tensor:
    """Return the indices that sort x along an axis, in a stable order."""
    return torch.argsort(x, dim=axis, stable=True)


def maximum(x: Any, y: Any) -> Tensor:
    """Return the elementwise maximum; one of the arguments may be a number."""
    return torch.maximum(*_tensors(x, y))


def minimum(x: Any, y: Any) -> Tensor:
    """Return the elementwise minimum; one of the arguments may be a number."""
    return torch.minimum(*_tensors(x, y))


def einsum(subscripts: str, *arrays: Tensor) -> Tensor:
    """Return a sum of products."""
    return torch.einsum(subscripts, *arrays)


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return the matrix product of the last two axes; the others are broadcast."""
    product: Tensor = large_matmul(torch.reshape, torch.matmul, x, y)
    return product


def permute_dims(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Return x with its axes in another order."""
    return torch.permute(x, tuple(axes))


def expand_dims(x: Tensor, axis: int) -> Tensor:
    """Return x with a new axis of length 1."""
    return torch.unsqueeze(x, dim=axis)


def concat(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return arrays joined along an axis."""
    return torch.cat(tuple(arrays), dim=axis)


def stack(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return arrays joined along a new axis."""
    return torch.stack(tuple(arrays), dim=axis)


def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Return elements along an axis; the indices have any shape."""
    axis %= x.ndim
    flat = torch.index_select(x, axis, indices.reshape(-1).long())
    return flat.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def take_along_axis(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Return elements along an axis, of indices with the other axes of x or of length 1."""
    return torch.take_along_dim(x, indices.long(), dim=axis)


def astype(x: Any, dtype: Any) -> Tensor:
    """Return x converted to a dtype."""
    return torch.as_tensor(x).to(dtype)


def asarray(x: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of a number, a list or a NumPy array."""
    return torch.as_tensor(x, dtype=dtype)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of zeros."""
    return torch.zeros(shape, dtype=dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of ones."""
    return torch.ones(shape, dtype=dtype)


def _tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    like = x if isinstance(x, torch.Tensor) else y
    first, second = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (x, y))
    return first, second


def __getattr__(name: str) -> Any:
    return getattr(torch, name)
