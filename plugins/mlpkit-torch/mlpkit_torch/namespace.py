"""The array functions that losses and solvers ask for, over PyTorch.

The module itself is the namespace: ``loss.rows(namespace, y, p)``. What is not here is
PyTorch's own, which goes by the same name and takes the same arguments.
"""

from typing import Any, TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over an axis, several, or all."""
    return torch.sum(x, dim=axis, keepdim=keepdims)


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over an axis, several, or all."""
    return torch.mean(x, dim=axis, keepdim=keepdims)


def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest over an axis, several, or all."""
    return torch.amax(x, dim=() if axis is None else axis, keepdim=keepdims)


def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest over an axis, several, or all."""
    return torch.amin(x, dim=() if axis is None else axis, keepdim=keepdims)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger one, element by element; one of the two may be a number."""
    return torch.maximum(*_tensors(x, y))


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller one, element by element; one of the two may be a number."""
    return torch.minimum(*_tensors(x, y))


def _tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    like = x if isinstance(x, torch.Tensor) else y
    first, second = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (x, y))
    return first, second


def __getattr__(name: str) -> Any:
    return getattr(torch, name)
