"""The JAX backend: step functions over weights and slots by name.

An epoch is a few dispatches of one compiled loop over a block of steps, each gathered
while the one before it runs, and one wait for the sums at its end.
"""

from typing import Any

import jax
import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import Device, bucket, rows_within
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    Recipe,
    Spec,
    Steps,
    StepSums,
    optimizer_state_name,
)
from mlpkit_jax.programs import State, Total, programs, structure
from mlpkit_jax.rows import RESIDENT_ROWS, Rows, rows_of
from mlpkit_jax.runtime import chosen, computing, on_accelerator, pulled

OUTPUT_ROWS = 4096  # of one dispatch
AHEAD = 4  # blocks in flight: enough to hide the gathering
AHEAD_BYTES = 1 << 27  # of blocks in flight


def backend(
    network: Network,
    spec: Spec,
    recipe: Recipe,
    *,
    device: Device = "auto",
    resident: bool | None = None,
) -> Steps:
    """Steps for the dense chain, and for an `apply` written in JAX.

    ``device`` is "auto" (the default device of JAX), "cpu", "gpu" or the index of a GPU.
    ``resident``, for tests, says whether the rows live on the device; None: on an
    accelerator, from `RESIDENT_ROWS` on.
    """
    f = Functions(network, spec, recipe, device, resident)
    return Steps(
        f.put, f.start, f.arrays, f.optimizer_state, f.gradient, f.update, f.epoch, f.outputs
    )


class Functions:
    """What `Steps` are made of; it holds constants only."""

    def __init__(
        self,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        device: Device,
        resident: bool | None,
    ) -> None:
        self.device = chosen(device)
        s = structure(network, spec, recipe)
        self.programs = programs(s)
        self.drops = network.apply is None and any(spec.dropouts)
        self.dtype, self.n_outputs = np.dtype(spec.dtype), spec.n_outputs
        self.widest = max(spec.layer_units)
        self.full, self.resident = recipe.batch_size, resident
        self.alpha = self.dtype.type(recipe.alpha)
        self.dtypes = {name: a.dtype for name, a in network.arrays.items()}
        # a copy of each array on its way to the device
        self.zeros = {name: np.zeros(a.shape, self.dtype) for name, a in network.arrays.items()}
        self.joint, self.frozen = s.joint, s.frozen
        self.slotted = {
            optimizer_state_name(slot, name): name
            for slot in s.optimizer_state
            for name in network.arrays
            if name not in s.frozen
        }

    def put(self, X: Any, y: Array, w: Array | None) -> Rows:
        """X (n, n_features), y (n, n_outputs), w (n,) -> Rows."""
        with computing(self.dtype, self.device):
            resident = self.resident
            if on_accelerator(self.dtype, self.device) and resident is None:
                resident = len(y) >= RESIDENT_ROWS
            rows = rows_of(X, y, w, self.dtype, bool(resident))
            rows.drops = self.drops
            return rows

    def start(self, arrays: Arrays) -> State:
        """Copies of the weights and slots, still in NumPy: the first program moves them."""
        weights = {name: np.array(arrays[name], dtype) for name, dtype in self.dtypes.items()}
        optimizer_state = {
            key: np.array(arrays.get(key, self.zeros[name]), self.dtype)
            for key, name in self.slotted.items()
        }
        if self.joint is not None:
            trained = {name: a for name, a in weights.items() if name not in self.frozen}
            first = self.joint.start(trained)
            optimizer_state = {
                key: np.array(arrays.get(key, a), a.dtype) for key, a in first.items()
            }
        return State(weights, optimizer_state)

    def arrays(self, state: State) -> Arrays:
        """The weights as NumPy arrays."""
        return pulled(state.weights)

    def optimizer_state(self, state: State) -> Arrays:
        """The solver's slots as NumPy arrays."""
        return pulled(state.optimizer_state)

    def gradient(
        self, state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        """StepSums and gradients over the indices (batch,), or over all rows."""
        with computing(self.dtype, self.device):
            total, penalty = Total(self.dtype.type(0), self.dtype.type(0), self.zeros), 0.0
            losses: list[Any] = []
            for block in rows.step(indices, self.full, seed):
                total, penalty = self.programs.add(total, state.weights, block, self.alpha)
                losses.append(total.loss)
                if not rows.kept:
                    _wait_for_all_but(_ahead(block.X), losses)
                del block  # before the next one is gathered
            gradients = pulled(total.gradients)
            return StepSums(float(total.loss), float(total.weight), float(penalty)), gradients

    def update(self, state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        """One solver step with sums of gradients."""
        with computing(self.dtype, self.device):
            scalars = self.dtype.type(weight), self.dtype.type(learning_rate), self.alpha
            after: State = self.programs.update(state, gradients, *scalars)
            return after

    def epoch(self, state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        """All steps of `batches`, and the sums of each, (steps,)."""
        with computing(self.dtype, self.device):
            run = self.programs.with_predictions if batches.with_predictions else self.programs.run
            sums: list[Any] = [np.zeros((3, 0))]
            seen: list[Any] = []
            live = [0]
            for block in rows.blocks(batches, self.full):
                state, new, p = run(state, block, self.alpha)
                sums.append(new)
                seen.append(p)
                live.append(block.steps)
                _wait_for_all_but(_ahead(block.X), sums)
                del block  # before the next one is gathered
            found = [each[:, :n] for each, n in zip(jax.device_get(sums), live, strict=True)]
            predictions = None
            if batches.with_predictions:
                parts = zip(jax.device_get(seen), live[1:], strict=True)
                width = batches.order.shape[1]
                predictions = np.concatenate([p[:n, :width] for p, n in parts])
        loss, weight, penalty = np.concatenate(found, axis=1).astype(float)
        return state, StepSums(loss, weight, penalty, predictions)

    def outputs(self, state: State, X: Any) -> Array:
        """Outputs before activation (n, n_outputs) of X (n, n_features), dense or sparse."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        most = rows_within(self.widest, self.dtype.itemsize, OUTPUT_ROWS)
        z = np.empty((X.shape[0], self.n_outputs), self.dtype)
        parts: list[tuple[int, Any]] = []  # where they begin, under way
        with computing(self.dtype, self.device):
            for begin in range(0, X.shape[0], most):
                part = X[begin : begin + most]
                n = part.shape[0]
                x = np.zeros((bucket(n, most), X.shape[1]), self.dtype)
                x[:n] = part.toarray() if issparse(part) else part
                parts.append((begin, self.programs.outputs(state.weights, x)))
                del part
                while len(parts) > _ahead(x) or (parts and begin + most >= len(z)):
                    first, found = parts.pop(0)
                    into = z[first : first + most]
                    into[...] = np.asarray(found)[: len(into)]  # the last one is padded
        return z


def _ahead(X: Any) -> int:
    """How many blocks may be in flight while the next one is gathered."""
    return min(AHEAD, AHEAD_BYTES // max(1, int(X.nbytes)))


def _wait_for_all_but(n: int, results: list[Any]) -> None:
    """Wait until no more than the last n results are under way."""
    if len(results) > n:
        jax.block_until_ready(results[-1 - n])  # type: ignore[no-untyped-call]
