"""Training data on the device, and the rows of a step without padding and rows of weight 0."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.plugin import Array
from mlpkit_torch.layout import Tensor

PART_ROWS = 8192  # rows of a part in a pass over all rows, which bounds the memory
PART_BYTES = 1 << 27  # bytes of these rows


class StepRows(NamedTuple):
    """The rows of a step: x (n, n_features), y (n, n_outputs) and w (n,) or None.

    ``weight`` is their summed weight, computed without waiting for the device. ``places`` (n,) are
    their positions in the step, and ``ids`` (n,) int64 those that dropout depends on.
    Steps of several models have the summed weight of each, (n_models,), and may have padding.
    """

    x: Tensor
    y: Tensor
    w: Tensor | None
    weight: float
    places: Array
    ids: Tensor
    by_model: Tensor | None = None
    has_padding: bool = False

    def weights(self) -> Tensor:
        """Return the weight of each row, (n,)."""
        return torch.ones_like(self.y[:, 0]) if self.w is None else self.w

    def model_weights(self) -> Tensor:
        """Return the summed weight of each model, (n_models,), or of the only one, ()."""
        return self.y.new_tensor(self.weight) if self.by_model is None else self.by_model


class TrainingRows:
    """X (n, n_features), y (n, n_outputs), w (n,) or None, moved to the device once. ``ids`` (n,)
    are those of the rows, or None if they are their indices.

    Sparse X stays on the host: the rows of a step become dense before they are moved.
    """

    def __init__(
        self,
        X: Any,
        y: Array,
        w: Array | None,
        dtype: str,
        device: torch.device,
        n_models: int = 0,
        ids: Array | None = None,
    ) -> None:
        self.device, self.n_models = device, n_models
        self.host_w = None if w is None else w.astype(dtype).astype(np.float64)
        self.X: Any = _sparse(X, dtype) if issparse(X) else on_device(X, dtype, device)
        self.y = on_device(y, dtype, device)
        self.ids = None if ids is None else on_device(ids, "int64", device)
        self.w = None if w is None else on_device(w, dtype, device)

    def steps(self, order: Array) -> Iterator[StepRows | None]:
        """Return the rows of each step of an order (n_steps, batch_size), or None for no rows."""
        counted = order >= 0
        if self.host_w is not None and len(self.host_w):
            counted &= self.host_w[order] > 0
        if self.n_models:
            yield from self._steps_of_models(order, counted)
            return
        counts = counted.sum(axis=1)
        places = np.broadcast_to(np.arange(order.shape[1]), order.shape)
        if not counted.all():  # move padding and rows of weight 0 to the end
            places = np.argsort(~counted, axis=1, kind="stable")
            order = np.take_along_axis(order, places, axis=1)
        on_host = np.ascontiguousarray(order, np.int64)
        on_device = torch.from_numpy(on_host).to(self.device)
        for i, n in enumerate(counts.tolist()):
            yield self._part(on_host[i, :n], on_device[i, :n], places[i, :n]) if n else None

    def _steps_of_models(self, order: Array, counted: Array) -> Iterator[StepRows | None]:
        """Return the rows of each step, with padding, so that all models have as many."""
        rows = np.where(counted, order, 0)
        w = counted.astype(float) if self.host_w is None else counted * self.host_w[rows]
        places = np.arange(order.shape[1])
        for on_host, step_w in zip(rows.astype(np.int64), w, strict=True):
            if not step_w.any():
                yield None
                continue
            part = self._part(on_host, torch.from_numpy(on_host).to(self.device), places)
            sums = step_w.reshape(self.n_models, -1).sum(axis=1)
            yield part._replace(
                w=torch.as_tensor(step_w, dtype=self.y.dtype, device=self.device),
                weight=float(step_w.sum()),
                by_model=torch.as_tensor(sums, dtype=self.y.dtype, device=self.device),
                has_padding=not step_w.all(),
            )

    def _part(self, on_host: Array, on_device: Tensor, places: Array) -> StepRows:
        if isinstance(self.X, torch.Tensor):
            x = self.X[on_device]
        else:
            x = torch.from_numpy(self.X[on_host].toarray()).to(self.device)
        has_w = self.w is not None and self.host_w is not None
        w = self.w[on_device] if has_w else None  # type: ignore[index]
        weight = float(self.host_w[on_host].sum()) if has_w else float(len(on_host))  # type: ignore[index]
        ids = on_device if self.ids is None else self.ids[on_device]
        return StepRows(x, self.y[on_device], w, weight, places, ids)

    def all(self) -> Iterator[StepRows | None]:
        """Return all rows in parts."""
        n, most = len(self.y), rows_within(self.X.shape[1] + self.y.shape[1], self.y.itemsize)
        for begin in range(0, n, most):
            order = np.arange(begin, min(begin + most, n))[None]
            yield from self.steps(np.tile(order, max(1, self.n_models)))


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
