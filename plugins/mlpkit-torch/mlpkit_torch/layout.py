"""The training state, with all trained weights in one tensor."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from mlpkit.backend_kit import WeightLayout, initial_optimizer_state
from mlpkit.plugin import Array, Arrays, Network, Solver, optimizer_state_name

Tensor: TypeAlias = torch.Tensor
Tensors: TypeAlias = dict[str, Tensor]


class TrainingState(NamedTuple):
    """The trained weights (n_weights,); the optimizer state (n_arrays, n_weights), or a dict for
    a joint solver; and the arrays that are not trained.
    """

    weights: Tensor
    optimizer_state: Any
    frozen: Tensors

    def copy(self) -> "TrainingState":
        """Return a state that can be changed in place; frozen arrays are only replaced."""
        optimizer_state = self.optimizer_state
        copied = (
            optimizer_state.clone()
            if isinstance(optimizer_state, torch.Tensor)
            else dict(optimizer_state)
        )
        return TrainingState(self.weights.clone(), copied, dict(self.frozen))


class Layout(WeightLayout):
    """The places of the trained weights in one tensor on the device."""

    def __init__(self, network: Network, device: torch.device) -> None:
        super().__init__(network)
        self.frozen = {name: network.arrays[name].dtype for name in network.frozen}
        self.device = device
        # of each weight in one tensor, if there are several models
        model = [
            np.repeat(np.arange(network.n_models), size // max(1, network.n_models))
            for size in (s.stop - s.start for s in self.slices.values())
        ]
        self.model = self.tensor(np.concatenate(model)) if network.n_models else None

    def tensor(self, array: Array) -> Tensor:
        """Move an array to the device; on the CPU it is not copied."""
        return torch.from_numpy(array).to(self.device)

    def start(self, arrays: Arrays, solver: Solver) -> TrainingState:
        """Return a state with these weights and, if present, this optimizer state."""
        frozen = {
            name: self.tensor(np.array(arrays[name], dtype)) for name, dtype in self.frozen.items()
        }
        optimizer_state: Any
        if solver.joint is not None:
            trained = {name: arrays[name] for name in self.slices}
            initial = initial_optimizer_state(solver, trained)
            optimizer_state = {
                key: self.tensor(np.array(arrays.get(key, a), a.dtype))
                for key, a in initial.items()
            }
        else:
            moments = [
                self.tensor(self.filled(arrays, partial(optimizer_state_name, name)))
                for name in solver.optimizer_state
            ]
            optimizer_state = torch.stack(moments) if moments else torch.zeros((0, self.size))
        return TrainingState(self.tensor(self.filled(arrays)), optimizer_state, frozen)

    def arrays(self, state: TrainingState) -> Arrays:
        """Return the weights as NumPy arrays."""
        return to_numpy({**self.views(state.weights), **state.frozen})

    def optimizer_state(self, state: TrainingState, solver: Solver) -> Arrays:
        """Return the optimizer state as NumPy arrays."""
        if solver.joint is not None:
            return to_numpy(state.optimizer_state)
        return to_numpy(
            {
                optimizer_state_name(name, weight): view
                for name, flat in zip(solver.optimizer_state, state.optimizer_state, strict=True)
                for weight, view in self.views(flat).items()
            }
        )


def to_numpy(tensors: Mapping[str, Tensor]) -> Arrays:
    """Return writable NumPy copies."""
    return {name: np.array(t.detach().cpu().numpy()) for name, t in tensors.items()}
