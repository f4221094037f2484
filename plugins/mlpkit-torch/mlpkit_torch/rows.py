"""Training data on the device, and the rows of a step without those that do not count."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.plugin import Array
from mlpkit_torch.layout import Tensor

BLOCK_ROWS = 8192  # of a pass over all rows: bounded memory
BLOCK_BYTES = 1 << 27  # of their numbers


class Part(NamedTuple):
    """The rows of a step: x (n, n_features), y (n, n_outputs), w (n,) or None, and their
    weight in all, known without asking the device; ``places`` (n,) are theirs in the step, and
    ``indices`` (n,) int64 those in the training data.
    """

    x: Tensor
    y: Tensor
    w: Tensor | None
    weight: float
    places: Array
    indices: Tensor

    def weights(self) -> Tensor:
        """The weight of each row, (n,)."""
        return torch.ones_like(self.y[:, 0]) if self.w is None else self.w


class Rows:
    """X (n, n_features), y (n, n_outputs), w (n,) or None, moved to the device once.

    Only sparse X stays on the host: the rows of a step become dense on their way.
    """

    def __init__(self, X: Any, y: Array, w: Array | None, dtype: str, device: torch.device) -> None:
        self.device = device
        self.host_w = None if w is None else w.astype(dtype).astype(np.float64)
        self.X: Any = _sparse(X, dtype) if issparse(X) else on_device(X, dtype, device)
        self.y = on_device(y, dtype, device)
        self.w = None if w is None else on_device(w, dtype, device)

    def steps(self, order: Array) -> Iterator[Part | None]:
        """The rows of each step of an order (steps, batch); None where nothing counts."""
        live = order >= 0
        if self.host_w is not None:
            live &= self.host_w[order] > 0
        counts = live.sum(axis=1)
        places = np.broadcast_to(np.arange(order.shape[1]), order.shape)
        if not live.all():  # those that count come first
            places = np.argsort(~live, axis=1, kind="stable")
            order = np.take_along_axis(order, places, axis=1)
        on_host = np.ascontiguousarray(order, np.int64)
        on_device = torch.from_numpy(on_host).to(self.device)
        for i, n in enumerate(counts.tolist()):
            yield self._part(on_host[i, :n], on_device[i, :n], places[i, :n]) if n else None

    def _part(self, on_host: Array, on_device: Tensor, places: Array) -> Part:
        if isinstance(self.X, torch.Tensor):
            x = self.X[on_device]
        else:
            x = torch.from_numpy(self.X[on_host].toarray()).to(self.device)
        if self.w is None or self.host_w is None:
            return Part(x, self.y[on_device], None, float(len(on_host)), places, on_device)
        weight = float(self.host_w[on_host].sum())
        return Part(x, self.y[on_device], self.w[on_device], weight, places, on_device)

    def all(self) -> Iterator[Part | None]:
        """Every row, in parts."""
        n, most = len(self.y), rows_within(self.X.shape[1] + self.y.shape[1], self.y.itemsize)
        for begin in range(0, n, most):
            yield from self.steps(np.arange(begin, min(begin + most, n))[None])


def rows_within(width: int, itemsize: int) -> int:
    """How many rows of `width` numbers are computed at once."""
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES // (width * itemsize)))


def on_device(array: Any, dtype: str, device: torch.device) -> Tensor:
    """The array in the dtype on the device; copied only where it has to be."""
    array = np.ascontiguousarray(array, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it can't protect a read-only array: we don't write
        return torch.from_numpy(array).to(device)


def _sparse(X: Any, dtype: str) -> Any:
    return X.tocsr().astype(dtype, copy=False)
