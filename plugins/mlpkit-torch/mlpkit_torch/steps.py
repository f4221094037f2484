"""The PyTorch backend: step functions over one tensor of weights.

An epoch copies the state once and works in the copy; it waits for the device once, for
the sums at its end.
"""

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from mlpkit.backend_kit import Device, moved, stepped
from mlpkit.plugin import Array, Arrays, Batches, Joint, Network, Recipe, Spec, Steps, StepSums
from mlpkit_torch import namespace as xp
from mlpkit_torch.devices import device_of, unforked
from mlpkit_torch.layout import Layout, State, Tensor, pulled
from mlpkit_torch.network import Backward, Chain, Custom
from mlpkit_torch.rows import Rows, on_device, rows_within


def backend(network: Network, spec: Spec, recipe: Recipe, *, device: Device = "auto") -> Steps:
    """Steps for the dense chain, and for an `apply` written in PyTorch.

    ``device`` is "auto" (the fastest that supports the dtype), "cpu", "gpu" (of CUDA or MPS) or
    the index of a GPU.
    """
    f = unforked(Functions)(network, spec, recipe, device)
    made = {name: torch.no_grad()(getattr(f, name)) for name in Steps._fields}
    computing = {
        name: unforked(made[name]) for name in made if name not in ("arrays", "optimizer_state")
    }
    return Steps(**{**made, **computing})


class Functions:
    """What `Steps` are made of; it holds constants only."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe, device: Device) -> None:
        self.device, self.dtype = device_of(device, spec.dtype), spec.dtype
        self.layout = Layout(network, self.device)
        self.network = (
            Chain(spec, self.layout)
            if network.apply is None
            else Custom(network, spec, self.layout)
        )
        self.solver, self.alpha, self.n_outputs = recipe.solver, recipe.alpha, spec.n_outputs
        self.widest = max(spec.layer_units)

    def put(self, X: Any, y: Array, w: Array | None) -> Rows:
        """X (n, n_features), y (n, n_outputs), w (n,) -> Rows."""
        return Rows(X, y, w, self.dtype, self.device)

    def start(self, arrays: Arrays) -> State:
        """Copies of the weights and slots."""
        return self.layout.start(arrays, self.solver)

    def arrays(self, state: State) -> Arrays:
        """The weights as NumPy arrays."""
        return self.layout.arrays(state)

    def optimizer_state(self, state: State) -> Arrays:
        """The solver's slots as NumPy arrays."""
        return self.layout.optimizer_state(state, self.solver)

    def gradient(
        self, state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        """StepSums and gradients over the indices (batch,), or over all rows."""
        total, gradients = torch.zeros_like(state.weights), torch.empty_like(state.weights)
        loss, weight = torch.zeros((), dtype=total.dtype, device=self.device), 0.0
        frozen = {name: torch.zeros_like(a, dtype=total.dtype) for name, a in state.frozen.items()}
        for i, part in enumerate(rows.all() if indices is None else rows.steps(indices[None])):
            if part is None:
                continue
            # the dense network draws by row, others part by part
            drawn = seed + i if isinstance(self.network, Custom) else seed
            found = self.network.backward(state, part, gradients, drawn)
            total += gradients
            loss, weight = loss + found.loss, weight + part.weight
            frozen = {name: a + part.weight * found.frozen[name] for name, a in frozen.items()}
        arrays = pulled({**self.layout.views(total), **frozen})
        return StepSums(float(loss), weight, float(self._penalty(state))), arrays

    def update(self, state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        """One solver step with sums of gradients."""
        state = state.copy()
        if weight > 0:
            means = {name: np.asarray(gradients[name]) / weight for name in state.frozen}
            frozen = {name: self.layout.tensor(np.asarray(a)) for name, a in means.items()}
            self._advance(state, self.layout.flat(gradients), weight, learning_rate)
            self._replace_frozen(state, frozen)
        return state

    def epoch(self, state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        """All steps of `batches`, and the sums of each, (steps,)."""
        state, gradients = state.copy(), torch.empty_like(state.weights)
        live: list[int] = []
        places: list[Array] = []
        found: list[Tensor] = []
        seen: list[Tensor] = []
        sums = np.zeros((3, len(batches.order)))
        for i, part in enumerate(rows.steps(batches.order)):
            if part is None:
                continue
            new: Backward = self.network.backward(state, part, gradients, int(batches.seeds[i]))
            found.append(torch.stack([new.loss, self._penalty(state)]))
            live.append(i)
            if batches.with_predictions:
                seen.append(new.p)
                places.append(part.places)
            sums[1, i] = part.weight
            self._advance(state, gradients, part.weight, float(batches.learning_rates[i]))
            self._replace_frozen(state, new.frozen)
        if live:
            sums[::2, live] = torch.stack(found, dim=1).cpu().numpy()  # the one wait
        predictions = None
        if batches.with_predictions:
            predictions = np.zeros((*batches.order.shape, self.n_outputs), self.dtype)
            if live:
                step = np.repeat(live, [len(each) for each in places])
                predictions[step, np.concatenate(places)] = torch.cat(seen).cpu().numpy()
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(self, state: State, X: Any) -> Array:
        """Outputs before activation (n, n_outputs) of X (n, n_features), dense or sparse."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        parts = [torch.empty((0, self.n_outputs), dtype=state.weights.dtype, device=self.device)]
        most = rows_within(self.widest, state.weights.itemsize)
        for begin in range(0, X.shape[0], most):
            part = X[begin : begin + most]
            part = part.toarray() if issparse(part) else part
            parts.append(self.network.outputs(state, on_device(part, self.dtype, self.device)))
        return np.array(torch.cat(parts).cpu().numpy())

    def _penalty(self, state: State) -> Tensor:
        """The L2 penalty, ``alpha / 2 * |decayed|^2``."""
        decayed = state.weights[: self.layout.decayed]
        return 0.5 * self.alpha * torch.dot(decayed, decayed)

    def _advance(
        self, state: State, gradients: Tensor, weight: float, learning_rate: float
    ) -> None:
        """One solver step in the state, with sums of gradients (n_weights,)."""
        decayed = self.layout.decayed
        gradients[:decayed].add_(state.weights[:decayed], alpha=self.alpha)
        gradients /= weight
        if self.solver.joint is not None:
            self._advance_jointly(self.solver.joint, state, gradients, learning_rate)
            return
        assert self.solver.update is not None  # a solver without steps has its own trainer
        mine = (state.weights, *state.optimizer_state)
        options = self.solver.options
        returned = self.solver.update(xp, mine[0], gradients, mine[1:], learning_rate, options)
        p, after = stepped(returned, mine[0], mine[1:])
        # where the solver did not work in place; what it gives may be another one of ours
        new = [None if a is b else a.clone() for a, b in zip((p, *after), mine, strict=True)]
        for kept, moved_to in zip(mine, new, strict=True):
            if moved_to is not None:
                kept.copy_(moved_to)

    def _advance_jointly(
        self, joint: Joint, state: State, gradients: Tensor, learning_rate: float
    ) -> None:
        """One step of a joint solver in the state, with mean gradients (n_weights,)."""
        weights, means = self.layout.views(state.weights), self.layout.views(gradients)
        returned = joint.update(xp, weights, means, dict(state.optimizer_state), learning_rate)
        new, optimizer_state = moved(returned, weights, state.optimizer_state)
        # both may be views of the old weights, which are overwritten
        copies = {name: new[name].clone() for name in weights}
        for key, a in optimizer_state.items():
            old = state.optimizer_state[key]
            slot = torch.as_tensor(a, dtype=old.dtype, device=self.device)
            storage = state.weights.untyped_storage().data_ptr()
            shared = slot.untyped_storage().data_ptr() == storage
            state.optimizer_state[key] = slot.clone() if shared else slot
        for name, view in weights.items():
            view.copy_(copies[name])

    def _replace_frozen(self, state: State, new: dict[str, Tensor]) -> None:
        """Put new values of frozen arrays in, each in its own dtype."""
        for name, old in state.frozen.items():
            value = new[name] if old.is_floating_point() else torch.round(new[name].double())
            state.frozen[name] = value.to(old.dtype)
