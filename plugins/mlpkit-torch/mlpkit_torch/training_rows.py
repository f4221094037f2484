"""Training data on the device, and the rows of a step without padding and rows of weight 0."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.plugin import Array
from mlpkit_torch.layout import Tensor

PART_ROWS = 8192  # of a pass over all rows: memory is bounded
PART_BYTES = 1 << 27  # of these rows


class StepRows(NamedTuple):
    """The rows of a step: x (n, n_features), y (n, n_outputs) and w (n,) or None.

    ``weight`` is their summed weight, computed without waiting for the device. ``places`` (n,) are
    their positions in the step, and ``indices`` (n,) int64 those in the training data.
    """

    x: Tensor
    y: Tensor
    w: Tensor | None
    weight: float
    places: Array
    indices: Tensor

    def weights(self) -> Tensor:
        """Return the weight of each row, (n,)."""
        return torch.ones_like(self.y[:, 0]) if self.w is None else self.w


class TrainingRows:
    """X (n, n_features), y (n, n_outputs), w (n,) or None, moved to the device once.

    Sparse X stays on the host: the rows of a step become dense before they are moved.
    """

    def __init__(self, X: Any, y: Array, w: Array | None, dtype: str, device: torch.device) -> None:
        self.device = device
        self.host_w = None if w is None else w.astype(dtype).astype(np.float64)
        self.X: Any = _sparse(X, dtype) if issparse(X) else on_device(X, dtype, device)
        self.y = on_device(y, dtype, device)
        self.w = None if w is None else on_device(w, dtype, device)

    def steps(self, order: Array) -> Iterator[StepRows | None]:
        """Return the rows of each step of an order (n_steps, batch_size), or None for no rows."""
        counted = order >= 0
        if self.host_w is not None:
            counted &= self.host_w[order] > 0
        counts = counted.sum(axis=1)
        places = np.broadcast_to(np.arange(order.shape[1]), order.shape)
        if not counted.all():  # move padding and rows of weight 0 to the end
            places = np.argsort(~counted, axis=1, kind="stable")
            order = np.take_along_axis(order, places, axis=1)
        on_host = np.ascontiguousarray(order, np.int64)
        on_device = torch.from_numpy(on_host).to(self.device)
        for i, n in enumerate(counts.tolist()):
            yield self._part(on_host[i, :n], on_device[i, :n], places[i, :n]) if n else None

    def _part(self, on_host: Array, on_device: Tensor, places: Array) -> StepRows:
        if isinstance(self.X, torch.Tensor):
            x = self.X[on_device]
        else:
            x = torch.from_numpy(self.X[on_host].toarray()).to(self.device)
        if self.w is None or self.host_w is None:
            return StepRows(x, self.y[on_device], None, float(len(on_host)), places, on_device)
        weight = float(self.host_w[on_host].sum())
        return StepRows(x, self.y[on_device], self.w[on_device], weight, places, on_device)

    def all(self) -> Iterator[StepRows | None]:
        """Return all rows in parts."""
        n, most = len(self.y), rows_within(self.X.shape[1] + self.y.shape[1], self.y.itemsize)
        for begin in range(0, n, most):
            yield from self.steps(np.arange(begin, min(begin + most, n))[None])


def rows_within(width: int, itemsize: int) -> int:
    """Return how many rows of `width` numbers are computed at once."""
    return max(1, min(PART_ROWS, PART_BYTES // (width * itemsize)))


def on_device(array: Any, dtype: str, device: torch.device) -> Tensor:
    """Return the array in the dtype on the device, copied only if necessary."""
    array = np.ascontiguousarray(array, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about read-only arrays, which are not written to here
        return torch.from_numpy(array).to(device)


def _sparse(X: Any, dtype: str) -> Any:
    return X.tocsr().astype(dtype, copy=False)
