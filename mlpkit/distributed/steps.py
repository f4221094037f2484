"""The functions of a backend for rows that are distributed over the processes of a group."""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.distributed.placements import Placement
from mlpkit.distributed.sharded_rows import ShardedRows, StackedRows
from mlpkit.numpy_backend.portable import predictions_of
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Group,
    OutActivation,
    Rows,
    State,
    Steps,
    StepSums,
)


class DistributedRows(NamedTuple):
    """Training rows of a group of processes.

    Parameters
    ----------
    rows : Rows
        Those of this process, as the backend returned them.
    X : ndarray of shape (n_local, n_features)
        The same rows.
    local_index : ndarray of shape (n_rows,)
        The index of each of all rows in this process, or -1.
    weights : ndarray of shape (n_rows,) or None
        The weights of all rows.
    """

    rows: Rows
    X: Array
    local_index: Array
    weights: Array | None


def distributed(
    steps: Steps, group: Group, out_activation: OutActivation = "identity", n_models: int = 0
) -> Steps:
    """Return functions of a backend that compute over the rows of all processes of a group.

    Each process has the whole training state. The gradient of a step is the sum of those of the
    processes, so that all make the same update. `Steps.put` and `Steps.outputs` accept
    `ShardedRows` with targets and weights of all rows, and `Steps.outputs` returns the outputs of
    all rows to each process. All processes must call the functions in the same order.

    Parameters
    ----------
    steps : Steps
        The functions of the backend in this process.
    group : Group
        The processes.
    out_activation : str, default="identity"
        That of the loss, for `StepSums.predictions`. These are computed without dropout.
    n_models : int, default=0
        As in `Job.n_models`.

    Returns
    -------
    Steps
        Functions on the same training state.
    """
    made = _Distributed(steps, group, out_activation, n_models)
    return steps._replace(
        put=made.put, gradient=made.gradient, epoch=made.epoch, outputs=made.outputs
    )


class _Distributed:
    """The functions of `Steps` that concern rows."""

    def __init__(
        self, steps: Steps, group: Group, out_activation: OutActivation, n_models: int
    ) -> None:
        self.steps, self.group = steps, group
        self.out_activation, self.n_models = out_activation, n_models

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> DistributedRows:
        """Pass the rows of this process to the backend."""
        places = X.placement.places.astype(np.int64)
        rows = self.steps.put(X.local, y[places], None if w is None else w[places], places)
        return DistributedRows(rows, X.local, X.placement.local_index, w)

    def gradient(
        self,
        state: State,
        rows: DistributedRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """The sums and gradients over the rows of all processes."""
        if indices is None:
            indices = np.arange(len(rows.local_index))
            if self.n_models:
                indices = np.tile(indices, self.n_models)
        loss, penalty, gradients = self._gradient(state, rows, indices, seed, dropout_factor)
        loss, penalty = self._totals(loss, penalty)
        return StepSums(loss, self._weight(rows, indices), penalty), gradients

    def _totals(self, losses: Any, penalties: Any) -> Array:
        """The sums of the losses over all processes, and the penalties of the first process.

        The weights are the same in all, but processors of other kinds may round other penalties,
        which would end training in other epochs.
        """
        own = penalties if self.group.rank == 0 else np.zeros_like(penalties)
        return self.group.add(np.array([losses, own]))

    def _gradient(
        self,
        state: State,
        rows: DistributedRows,
        indices: Array,
        seed: int,
        dropout_factor: float,
    ) -> tuple[float, float, Arrays]:
        """The loss of the rows of this process, the penalty, and the gradients of all rows."""
        local = self._local(rows.local_index, indices)
        sums, gradients = self.steps.gradient(state, rows.rows, local, seed, dropout_factor)
        return float(np.sum(sums.loss)), sums.penalty, self._added(gradients)

    def _added(self, gradients: Arrays) -> Arrays:
        """The sums of the gradients over all processes, in one message for each dtype."""
        added: Arrays = {}
        for dtype in sorted({a.dtype.name for a in gradients.values()}):
            names = [name for name, a in gradients.items() if a.dtype.name == dtype]
            flat = np.concatenate([gradients[name].ravel() for name in names])
            total = self.group.add(flat if flat.dtype.kind == "f" else flat.astype(np.int64))
            end = 0
            for name in names:
                begin, end = end, end + gradients[name].size
                added[name] = (
                    total[begin:end].reshape(gradients[name].shape).astype(dtype, copy=False)
                )
        return {name: added[name] for name in gradients}

    def _local(self, local_index: Array, indices: Array) -> Array:
        """The indices of the rows of this process in a step, for each model as many, int64."""
        local = np.where(indices < 0, -1, local_index[indices]).astype(np.int64)
        if not self.n_models:
            local = local[local >= 0]
            return local if len(local) else np.full(1, -1)
        parts = [part[part >= 0] for part in local.reshape(self.n_models, -1)]
        compact = np.full((self.n_models, max(1, *map(len, parts))), -1)
        for row, part in zip(compact, parts, strict=True):
            row[: len(part)] = part
        return compact.ravel()

    def _weight(self, rows: DistributedRows, indices: Array) -> Any:
        """The weight of the rows of a step, or of each model in it."""
        is_row = indices >= 0
        weights = is_row if rows.weights is None else np.where(is_row, rows.weights[indices], 0.0)
        if not self.n_models:
            return float(weights.sum())
        return weights.reshape(self.n_models, -1).sum(axis=1).astype(float)

    def epoch(
        self, state: State, rows: DistributedRows, batches: Batches
    ) -> tuple[State, StepSums]:
        """Make the steps of an epoch."""
        n_steps = len(batches.order)
        losses, weights, penalties = np.zeros(n_steps), np.zeros(n_steps), np.zeros(n_steps)
        decays, factors = batches.weight_decays, batches.dropout_factors
        predictions = []
        for i, indices in enumerate(batches.order):
            if batches.with_predictions:
                predictions.append(self._predictions(state, rows, indices))
            losses[i], penalties[i], gradients = self._gradient(
                state,
                rows,
                indices,
                int(batches.seeds[i]),
                1.0 if factors is None else float(factors[i]),
            )
            weight = self._weight(rows, indices)
            weights[i] = np.sum(weight)
            if weights[i] > 0:
                decay = None if decays is None else float(decays[i])
                state = self.steps.update(
                    state, gradients, weight, float(batches.learning_rates[i]), decay
                )
        by_row = self._by_row(rows, batches.order, predictions) if predictions else None
        losses, penalties = self._totals(losses, penalties)
        return state, StepSums(losses, weights, penalties, by_row)

    def _predictions(self, state: State, rows: DistributedRows, indices: Array) -> Array:
        """The predictions of the rows of this process in a step, without dropout."""
        local = rows.local_index[indices[indices >= 0]]
        X = rows.X[local[local >= 0]]
        return predictions_of(self.steps.outputs(state, X), self.out_activation)

    def _by_row(self, rows: DistributedRows, order: Array, predictions: list[Array]) -> Array:
        """The predictions of all rows in the form of `StepSums.predictions`."""
        is_here = (order >= 0) & (rows.local_index[order] >= 0)
        placement = Placement(np.flatnonzero(is_here), order.size, self.group)
        by_row = placement.gathered(np.concatenate(predictions))
        return by_row.reshape(*order.shape, by_row.shape[1])

    def outputs(self, state: State, X: Any) -> Array:
        """The outputs of all rows, of which each process computes those of its own."""
        if isinstance(X, StackedRows):
            return self._stacked_outputs(state, *X)
        if not isinstance(X, ShardedRows):
            return self.steps.outputs(state, X)
        return X.placement.gathered(self.steps.outputs(state, X.local))

    def _stacked_outputs(self, state: State, X: ShardedRows, rows: Array) -> Array:
        """The outputs of other rows for each model, (n_models, n, ...)."""
        index = X.placement.local_index[rows]
        is_here = index >= 0
        compact = np.zeros((len(rows), max(1, is_here.sum(axis=1).max())), np.int64)
        is_used = np.arange(compact.shape[1]) < is_here.sum(axis=1)[:, np.newaxis]
        compact[is_used] = index[is_here]
        local = X.local if len(X.local) else np.zeros((1, X.shape[1]), X.dtype)
        outputs = self.steps.outputs(state, local[compact])[is_used]
        placement = Placement(np.flatnonzero(is_here), rows.size, self.group)
        return placement.gathered(outputs).reshape(*rows.shape, *outputs.shape[1:])
