"""The step functions of the PyTorch backend.

An epoch copies the state once and works in the copy. It waits for the device once, for the sums
at its end.
"""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.backend_kit import Device, expanded_like, needs_ids, with_weight_decays
from mlpkit.plugin import Array, Arrays, Batches, Network, Recipe, Spec, Steps, StepSums
from mlpkit_torch.devices import fork_guard, selected_device
from mlpkit_torch.layout import Layout, Tensor, TrainingState, to_numpy
from mlpkit_torch.network import CustomNetwork, DenseNetwork, GradientSums
from mlpkit_torch.solver_step import SolverStep
from mlpkit_torch.threads import threads
from mlpkit_torch.training_rows import TrainingRows, on_device, rows_within


def backend(network: Network, spec: Spec, recipe: Recipe, *, device: Device = "auto") -> Steps:
    """Return the step functions for the dense network or for an `apply` that uses PyTorch.

    ``device`` is "auto" (the fastest device that supports the dtype), "cpu", "gpu" (of CUDA or
    MPS) or the index of a GPU.
    """
    f = fork_guard(StepFunctions)(network, spec, recipe, device)
    made = {name: torch.no_grad()(getattr(f, name)) for name in Steps._fields}
    computing = {
        name: fork_guard(made[name]) for name in made if name not in ("arrays", "optimizer_state")
    }
    return Steps(**{**made, **computing})


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe, device: Device) -> None:
        self.device, self.dtype = selected_device(device, spec.dtype), spec.dtype
        self.layout = Layout(network, self.device)
        self.network = (
            DenseNetwork(spec, self.layout)
            if network.apply is None and network.xp_apply is None
            else CustomNetwork(network, spec, self.layout)
        )
        self.solver, self.n_outputs, self.n_models = recipe.solver, spec.n_outputs, network.n_models
        self.solver_step = SolverStep(self.layout, recipe, network.n_models)
        n_outputs = max(1, network.n_members) * spec.n_outputs
        self.widest = max(*spec.layer_units, n_outputs) * max(1, network.n_models)
        self.draws_by_row = network.apply is None  # as dropout does
        self.needs_ids = needs_ids(network, spec)

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> TrainingRows:
        """Return the rows of X (n, n_features), y (n, n_outputs), w (n,) and ids (n,)."""
        ids = ids if self.needs_ids else None
        return TrainingRows(X, y, w, self.dtype, self.device, self.n_models, ids)

    def start(self, arrays: Arrays) -> TrainingState:
        """Copy the weights and the optimizer state to the device."""
        return self.layout.start(arrays, self.solver)

    def arrays(self, state: TrainingState) -> Arrays:
        """Return the weights as NumPy arrays."""
        return self.layout.arrays(state)

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Return the optimizer state as NumPy arrays."""
        return self.layout.optimizer_state(state, self.solver)

    def gradient(
        self,
        state: TrainingState,
        rows: TrainingRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        n = self.layout.size
        flat = torch.zeros(n + 2, dtype=state.weights.dtype, device=self.device)
        total, buffer, views = flat[:n], None, self.layout.views
        arrays = {**views(state.weights), **state.frozen}
        weight: Any = np.zeros(self.n_models) if self.n_models else 0.0
        frozen = {name: torch.zeros_like(a, dtype=flat.dtype) for name, a in state.frozen.items()}
        n_rows = len(rows.y) * max(1, self.n_models) if indices is None else len(indices)
        with self._threads(n_rows):
            for i, part in enumerate(rows.all() if indices is None else rows.steps(indices[None])):
                if part is None:
                    continue
                # dropout depends on rows; other networks may draw for each part
                part_seed = seed if self.draws_by_row else seed + i
                into = total if buffer is None else buffer
                new = self.network.backward(arrays, part, views(into), part_seed, dropout_factor)
                if buffer is None:
                    buffer = torch.empty_like(total)
                else:
                    total += buffer
                flat[n] += new.loss
                by_model = part.by_model
                weight = weight + (
                    part.weight if by_model is None else by_model.cpu().double().numpy()
                )
                for name, value in new.frozen.items():
                    old = state.frozen[name]
                    exact = flat.dtype if old.is_floating_point() else torch.int64
                    change = (value.to(exact) - old.to(exact)).to(flat.dtype)
                    frozen[name] += change * expanded_like(part.model_weights(), change)
        flat[n + 1] = self.solver_step.penalty(state)
        on_host = flat.cpu().numpy()
        loss, penalty = on_host[n:].tolist()
        return StepSums(loss, weight, penalty), {**views(on_host[:n]), **to_numpy(frozen)}

    def update(
        self,
        state: TrainingState,
        gradients: Arrays,
        weight: Any,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        """Make one solver step with sums of gradients."""
        state = state.copy()
        decay = self.solver.weight_decay if weight_decay is None else weight_decay
        if np.sum(weight) > 0:
            by_model = self.layout.tensor(np.asarray(weight, self.dtype))
            frozen = {}
            for name, old in state.frozen.items():
                g = self.layout.tensor(np.asarray(gradients[name]))
                mean = g / expanded_like(by_model, g)
                mean = mean if old.is_floating_point() else torch.round(mean.double())
                frozen[name] = old + mean.to(old.dtype)
            flat = self.layout.tensor(self.layout.filled(gradients))
            self.solver_step.advance(
                state, flat, by_model if self.n_models else weight, learning_rate, decay
            )
            self.solver_step.replace_frozen(state, frozen, by_model)
        return state

    def epoch(
        self, state: TrainingState, rows: TrainingRows, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        state, gradients = state.copy(), torch.empty_like(state.weights)
        weights, views = self.layout.views(state.weights), self.layout.views(gradients)
        steps: list[int] = []  # that have rows of a weight above 0
        places: list[Array] = []
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        sums = np.zeros((3, len(batches.order)))
        decays = with_weight_decays(batches, self.solver).weight_decays
        factors = batches.dropout_factors
        with self._threads(batches.order.shape[1]):
            for i, part in enumerate(rows.steps(batches.order)):
                if part is None:
                    continue
                factor = 1.0 if factors is None else float(factors[i])
                new: GradientSums = self.network.backward(
                    {**weights, **state.frozen}, part, views, int(batches.seeds[i]), factor
                )
                losses.append(torch.stack([new.loss, self.solver_step.penalty(state)]))
                steps.append(i)
                if batches.with_predictions:
                    outputs.append(new.p)
                    places.append(part.places)
                sums[1, i] = part.weight
                decay = 0.0 if decays is None else float(decays[i])
                weight = part.weight if part.by_model is None else part.by_model
                self.solver_step.advance(
                    state, gradients, weight, float(batches.learning_rates[i]), decay
                )
                if new.frozen:
                    self.solver_step.replace_frozen(state, new.frozen, part.model_weights())
        if steps:
            sums[::2, steps] = torch.stack(losses, dim=1).cpu().numpy()  # waits for the device
        predictions = None
        if batches.with_predictions:
            predictions = np.zeros((*batches.order.shape, self.n_outputs), self.dtype)
            if steps:
                step = np.repeat(steps, [len(p) for p in places])
                predictions[step, np.concatenate(places)] = torch.cat(outputs).cpu().numpy()
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        parts: list[Tensor] = []
        most = rows_within(self.widest, state.weights.itemsize)
        with threads(2.0 * X.shape[-2] * self.layout.size, self.device):
            for begin in range(0, max(1, X.shape[-2]), most):
                part = X[:, begin : begin + most] if X.ndim == 3 else X[begin : begin + most]
                part = part.toarray() if issparse(part) else part
                parts.append(self.network.outputs(state, on_device(part, self.dtype, self.device)))
        return np.array(torch.cat(parts, dim=X.ndim - 2).cpu().numpy())

    def _threads(self, n: int) -> AbstractContextManager[None]:
        """Return the context of the steps of n rows."""
        return threads(6.0 * n * self.layout.size / max(1, self.n_models), self.device)
