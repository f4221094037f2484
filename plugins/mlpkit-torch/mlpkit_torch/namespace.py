"""The array functions for losses and solvers, implemented with PyTorch.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. Functions that are not defined
here are PyTorch's own, which have the same names and arguments as in the array API standard.
"""

from typing import Any, TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


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


def maximum(x: Any, y: Any) -> Tensor:
    """Return the elementwise maximum; one of the arguments may be a number."""
    return torch.maximum(*_tensors(x, y))


def minimum(x: Any, y: Any) -> Tensor:
    """Return the elementwise minimum; one of the arguments may be a number."""
    return torch.minimum(*_tensors(x, y))


def _tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    like = x if isinstance(x, torch.Tensor) else y
    first, second = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (x, y))
    return first, second


def __getattr__(name: str) -> Any:
    return getattr(torch, name)
