"""The step functions of the JAX backend.

An epoch consists of a few dispatches of a compiled loop over a block of steps. Each block is
gathered while the previous one runs. The epoch waits for the device once, for the sums at its end.
"""

from typing import Any

import jax
import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import (
    Device,
    Joined,
    initial_optimizer_state,
    needs_ids,
    padded_size,
    rows_within,
    unpadded_rows,
    with_weight_decays,
)
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    Recipe,
    Spec,
    Steps,
    StepSums,
)
from mlpkit_jax.programs import programs
from mlpkit_jax.runtime import computing, on_accelerator, selected_device
from mlpkit_jax.structure import JoinedState, TrainingState, settings, structure
from mlpkit_jax.training_rows import RESIDENT_ROWS, TrainingRows, training_rows

OUTPUT_ROWS = 4096  # rows of one dispatch of `outputs`
AHEAD = 4  # blocks in flight: enough to hide the time of gathering
AHEAD_BYTES = 1 << 27  # of blocks in flight


def backend(
    network: Network,
    spec: Spec,
    recipe: Recipe,
    *,
    device: Device = "auto",
    resident: bool | None = None,
) -> Steps:
    """Return the step functions for the dense network or for an `apply` that uses JAX.

    ``device`` is "auto" (the default device of JAX), "cpu", "gpu" or the index of a GPU.
    ``resident``, for tests, is whether the rows are kept on the device. None means: on an
    accelerator, if there are at least `RESIDENT_ROWS`.
    """
    f = StepFunctions(network, spec, recipe, device, resident)
    return Steps(
        f.put, f.start, f.arrays, f.optimizer_state, f.gradient, f.update, f.epoch, f.outputs
    )


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(
        self,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        device: Device,
        resident: bool | None,
    ) -> None:
        self.device = selected_device(device)
        with computing(np.dtype(spec.dtype), self.device):
            on_cpu = not on_accelerator(np.dtype(spec.dtype), self.device)
        s = structure(network, spec, recipe, on_cpu)
        self.structure, self.programs = s, programs(s)
        self.has_ids = needs_ids(network, spec)
        # an `apply` may draw random numbers for the rows of a step, padding included
        self.fine = network.apply is None
        self.dtype = np.dtype(spec.dtype)
        self.n_models = network.n_models
        self.widest = max(*spec.layer_units, network.n_members * spec.n_outputs)
        self.full, self.resident = recipe.batch_size, resident
        self.settings = {d: settings(network, recipe, self.dtype, d) for d in (False, True)}
        self.alpha = self.settings[False].alpha
        self.dtypes = {name: a.dtype for name, a in network.arrays.items()}
        self.solver, self.frozen = recipe.solver, s.frozen

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> TrainingRows:
        """Return the rows of X (n, n_features), y (n, n_outputs), w (n,) and ids (n,)."""
        with computing(self.dtype, self.device):
            resident = self.resident
            if on_accelerator(self.dtype, self.device) and resident is None:
                resident = len(y) >= RESIDENT_ROWS
            rows = training_rows(X, y, w, self.dtype, bool(resident))
            rows.has_ids, rows.n_models = self.has_ids, self.n_models
            rows.ids, rows.fine = ids if self.has_ids else None, self.fine
            return rows

    def start(self, arrays: Arrays) -> JoinedState:
        """Copy the weights and the optimizer state. The first program moves them to the device."""
        weights = {name: np.array(arrays[name], dtype) for name, dtype in self.dtypes.items()}
        trained = {name: a for name, a in weights.items() if name not in self.frozen}
        initial = initial_optimizer_state(self.solver, trained)
        optimizer_state = {key: np.array(arrays.get(key, a), a.dtype) for key, a in initial.items()}
        return self.structure.joined(TrainingState(weights, optimizer_state), np.concatenate)

    def arrays(self, state: JoinedState) -> Arrays:
        """Return the weights as NumPy arrays."""
        return self.structure.weights.to_numpy(state.weights)

    def optimizer_state(self, state: JoinedState) -> Arrays:
        """Return the optimizer state as NumPy arrays."""
        return self.structure.optimizer.to_numpy(state.optimizer_state)

    def gradient(
        self,
        state: JoinedState,
        rows: TrainingRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        s, flat = self.structure, None
        with computing(self.dtype, self.device):
            sums: list[Any] = []
            for block in rows.step(indices, self.full, seed, dropout_factor):
                flat = self.programs.gradient(flat, state.weights, block, self.alpha)
                sums.append(flat)
                if not rows.kept:
                    _wait_for_all_but(_ahead(block.X), sums)
                del block  # before the next one is gathered
            n_sums = 2 + max(1, self.n_models)
            if flat is None:
                on_host = np.zeros(s.gradients.size + n_sums, self.dtype)
                on_host[-1] = self.programs.penalty(state.weights, self.alpha)
            else:
                on_host = np.array(flat)
        loss, *weights, penalty = on_host[-n_sums:].tolist()
        if not any(weights):  # what a network computes without rows may not be a number
            loss, on_host[:] = 0.0, 0
        weight: Any = np.array(weights) if self.n_models else weights[0]
        return StepSums(loss, weight, penalty), s.gradients.divided(Joined(on_host, {}))

    def update(
        self,
        state: JoinedState,
        gradients: Arrays,
        weight: Any,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> JoinedState:
        """Make one solver step with sums of gradients."""
        decay = self.solver.weight_decay if weight_decay is None else weight_decay
        numbers = [learning_rate, *np.ravel(weight), *([decay] if decay > 0 else [])]
        flat = self.structure.gradients.joined(gradients, np.concatenate).small
        with computing(self.dtype, self.device):
            after: JoinedState = self.programs.update(
                state,
                flat.astype(self.dtype, copy=False),
                np.array(numbers, self.dtype),
                self.settings[decay > 0],
            )
            return after

    def epoch(
        self, state: JoinedState, rows: TrainingRows, batches: Batches
    ) -> tuple[JoinedState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        batches = with_weight_decays(batches, self.solver)
        settings = self.settings[batches.weight_decays is not None]
        with computing(self.dtype, self.device):
            programs = self.programs
            run = programs.run_with_predictions if batches.with_predictions else programs.run
            sums: list[Any] = []
            outputs: list[Any] = []
            n_steps: list[int] = []
            for block in rows.epoch(batches, self.full):
                state, block_sums, p = run(state, block, settings)
                sums.append(block_sums)
                outputs.append(p)
                n_steps.append(block.n_steps)
                _wait_for_all_but(_ahead(block.X), sums)
                del block  # before the next one is gathered
            unpadded = [np.asarray(a)[:, :n] for a, n in zip(sums, n_steps, strict=True)]
            predictions = None
            if batches.with_predictions:
                parts = zip(jax.device_get(outputs), n_steps, strict=True)
                batch_size = batches.order.shape[1]
                predictions = np.concatenate(
                    [unpadded_rows(p[:n], batch_size, self.n_models) for p, n in parts]
                )
        unpadded = unpadded or [np.zeros((3, 0))]
        loss, weight, penalty = np.concatenate(unpadded, axis=1, dtype=float)
        return state, StepSums(loss, weight, penalty, predictions)

    def outputs(self, state: JoinedState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        most = rows_within(self.widest * max(1, self.n_models), self.dtype.itemsize, OUTPUT_ROWS)
        n_rows = X.shape[-2]
        z: list[Array] = []
        parts: list[tuple[int, Any]] = []  # in flight: the number of rows and the outputs
        with computing(self.dtype, self.device):
            for begin in range(0, max(1, n_rows), most):
                part = X[..., begin : begin + most, :] if X.ndim == 3 else X[begin : begin + most]
                n = part.shape[-2]
                x = np.zeros((*X.shape[:-2], padded_size(n, most), X.shape[-1]), self.dtype)
                x[..., :n, :] = part.toarray() if issparse(part) else part
                parts.append((n, self.programs.outputs(state.weights, x)))
                del part
                while len(parts) > _ahead(x) or (parts and begin + most >= n_rows):
                    n, outputs = parts.pop(0)
                    z.append(np.asarray(outputs)[(slice(None),) * (X.ndim - 2) + (slice(n),)])
        return np.concatenate(z, axis=X.ndim - 2)


def _ahead(X: Any) -> int:
    """Return how many blocks may be in flight while the next one is gathered."""
    return min(AHEAD, AHEAD_BYTES // max(1, int(X.nbytes)))


def _wait_for_all_but(n: int, results: list[Any]) -> None:
    """Wait for all results except the last n."""
    if len(results) > n:
        jax.block_until_ready(results[-1 - n])  # type: ignore[no-untyped-call]
