"""The step functions of the PyTorch backend.

An epoch copies the state once and works in the copy. It waits for the device once, for the sums
at its end.
"""

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.backend_kit import (
    Device,
    check_joint_update,
    check_update,
    clipped,
    expanded_like,
    needs_ids,
    with_weight_decays,
)
from mlpkit.plugin import Array, Arrays, Batches, Joint, Network, Recipe, Spec, Steps, StepSums
from mlpkit_torch import namespace as xp
from mlpkit_torch.devices import fork_guard, selected_device
from mlpkit_torch.layout import Layout, Tensor, TrainingState, to_numpy
from mlpkit_torch.network import CustomNetwork, DenseNetwork, GradientSums
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
        self.solver, self.alpha, self.n_outputs = recipe.solver, recipe.alpha, spec.n_outputs
        self.n_models, self.max_gradient_norm = network.n_models, recipe.max_gradient_norm
        n_outputs = max(1, network.n_members) * spec.n_outputs
        self.widest = max(*spec.layer_units, n_outputs) * max(1, network.n_models)
        self.draws_by_row = network.apply is None  # as dropout does
        self.needs_ids = needs_ids(network, spec)
        self.segments = {decays: self.layout.segments(decays) for decays in (False, True)}
        self.has_rate_factors = any(s.learning_rate_factor != 1 for s in self.segments[False])

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
        total, buffer = flat[:n], None
        weight: Any = np.zeros(self.n_models) if self.n_models else 0.0
        frozen = {name: torch.zeros_like(a, dtype=flat.dtype) for name, a in state.frozen.items()}
        for i, part in enumerate(rows.all() if indices is None else rows.steps(indices[None])):
            if part is None:
                continue
            # dropout depends on rows; other networks may draw for each part
            part_seed = seed if self.draws_by_row else seed + i
            into = total if buffer is None else buffer
            new = self.network.backward(state, part, into, part_seed, dropout_factor)
            if buffer is None:
                buffer = torch.empty_like(total)
            else:
                total += buffer
            flat[n] += new.loss
            by_model = part.by_model
            weight = weight + (part.weight if by_model is None else by_model.cpu().double().numpy())
            for name, value in new.frozen.items():
                old = state.frozen[name]
                exact = flat.dtype if old.is_floating_point() else torch.int64
                change = (value.to(exact) - old.to(exact)).to(flat.dtype)
                frozen[name] += change * expanded_like(part.model_weights(), change)
        flat[n + 1] = self._penalty(state)
        on_host = flat.cpu().numpy()
        arrays = {**self.layout.views(on_host[:n]), **to_numpy(frozen)}
        loss, penalty = on_host[n:].tolist()
        return StepSums(loss, weight, penalty), arrays

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
            self._advance(state, flat, by_model if self.n_models else weight, learning_rate, decay)
            self._replace_frozen(state, frozen, by_model)
        return state

    def epoch(
        self, state: TrainingState, rows: TrainingRows, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        state, gradients = state.copy(), torch.empty_like(state.weights)
        steps: list[int] = []  # that have rows of a weight above 0
        places: list[Array] = []
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        sums = np.zeros((3, len(batches.order)))
        decays = with_weight_decays(batches, self.solver).weight_decays
        factors = batches.dropout_factors
        for i, part in enumerate(rows.steps(batches.order)):
            if part is None:
                continue
            factor = 1.0 if factors is None else float(factors[i])
            new: GradientSums = self.network.backward(
                state, part, gradients, int(batches.seeds[i]), factor
            )
            losses.append(torch.stack([new.loss, self._penalty(state)]))
            steps.append(i)
            if batches.with_predictions:
                outputs.append(new.p)
                places.append(part.places)
            sums[1, i] = part.weight
            decay = 0.0 if decays is None else float(decays[i])
            weight = part.weight if part.by_model is None else part.by_model
            self._advance(state, gradients, weight, float(batches.learning_rates[i]), decay)
            if new.frozen:
                self._replace_frozen(state, new.frozen, part.model_weights())
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
        for begin in range(0, max(1, X.shape[-2]), most):
            part = X[:, begin : begin + most] if X.ndim == 3 else X[begin : begin + most]
            part = part.toarray() if issparse(part) else part
            parts.append(self.network.outputs(state, on_device(part, self.dtype, self.device)))
        return np.array(torch.cat(parts, dim=X.ndim - 2).cpu().numpy())

    def _penalty(self, state: TrainingState) -> Tensor:
        """Return the L2 penalty, ``alpha / 2 * |decayed|^2``."""
        decayed = state.weights[: self.layout.n_decayed]
        return 0.5 * self.alpha * torch.dot(decayed, decayed)

    def _advance(
        self,
        state: TrainingState,
        gradients: Tensor,
        weight: Any,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one solver step in place, with sums of gradients (n_weights,) and the weight of
        their rows, of each model if there are several.
        """
        if self.n_models and bool((weight == 0).any()):
            self._advance_some(state, gradients, weight, learning_rate, decay)
            return
        decayed = self.layout.n_decayed
        gradients[:decayed].add_(state.weights[:decayed], alpha=self.alpha)
        gradients /= weight if self.layout.model is None else weight[self.layout.model]
        if self.max_gradient_norm is not None:
            views = self.layout.views(gradients)
            for name, g in clipped(xp, views, self.max_gradient_norm, self.n_models).items():
                views[name].copy_(g)
        if self.solver.joint is not None:
            self._advance_jointly(self.solver.joint, state, gradients, learning_rate, decay)
            return
        assert self.solver.update is not None  # solvers without steps have a trainer
        for place, rate_factor, decay_factor in self.segments[decay > 0]:
            old = (state.weights[place], *state.optimizer_state[:, place])
            rate, options = learning_rate * rate_factor, self.solver.options
            decrease = rate * decay * decay_factor * old[0] if decay_factor else None
            returned = self.solver.update(xp, old[0], gradients[place], old[1:], rate, options)
            p, after = check_update(returned, old[0], old[1:])
            # None if the solver worked in place; it may also have returned another array of `old`
            new = [None if a is b else a.clone() for a, b in zip((p, *after), old, strict=True)]
            for own, array in zip(old, new, strict=True):
                if array is not None:
                    own.copy_(array)
            if decrease is not None:
                old[0].sub_(decrease)

    def _advance_some(
        self,
        state: TrainingState,
        gradients: Tensor,
        weight: Tensor,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one step of the models whose rows have a weight above 0."""
        assert self.layout.model is not None
        before = state.copy()
        self._advance(state, gradients, torch.where(weight == 0, 1, weight), learning_rate, decay)
        empty = (weight == 0)[self.layout.model]
        state.weights[empty] = before.weights[empty]
        if isinstance(state.optimizer_state, torch.Tensor):
            state.optimizer_state[:, empty] = before.optimizer_state[:, empty]

    def _advance_jointly(
        self,
        joint: Joint,
        state: TrainingState,
        gradients: Tensor,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one step of a joint solver in place, with mean gradients (n_weights,)."""
        before = state.weights.clone() if self.has_rate_factors or decay > 0 else None
        weights, means = self.layout.views(state.weights), self.layout.views(gradients)
        returned = joint.update(xp, weights, means, dict(state.optimizer_state), learning_rate)
        new, optimizer_state = check_joint_update(returned, weights, state.optimizer_state)
        # both may be views of the old weights, which will be overwritten
        copies = {name: new[name].clone() for name in weights}
        for key, a in optimizer_state.items():
            old = state.optimizer_state[key]
            new_value = torch.as_tensor(a, dtype=old.dtype, device=self.device)
            storage = state.weights.untyped_storage().data_ptr()
            shared = new_value.untyped_storage().data_ptr() == storage
            state.optimizer_state[key] = new_value.clone() if shared else new_value
        for name, view in weights.items():
            view.copy_(copies[name])
        if before is None:
            return
        for place, rate_factor, decay_factor in self.segments[decay > 0]:
            p, old = state.weights[place], before[place]
            if rate_factor != 1:
                p.copy_(old + rate_factor * (p - old))
            if decay_factor:
                p.sub_(learning_rate * rate_factor * decay * decay_factor * old)

    def _replace_frozen(self, state: TrainingState, new: dict[str, Tensor], weight: Tensor) -> None:
        """Replace frozen arrays by new values, each in its own dtype, of models with rows."""
        for name, value in new.items():
            old = state.frozen[name]
            value = value.to(old.dtype)
            if self.n_models:
                value = torch.where(expanded_like(weight, old) > 0, value, old)
            state.frozen[name] = value
