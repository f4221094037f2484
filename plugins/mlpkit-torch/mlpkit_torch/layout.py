"""All trained weights in one tensor: a solver's step is a few calls, however many layers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from mlpkit.plugin import Array, Arrays, Network, Solver, optimizer_state_name

Tensor: TypeAlias = torch.Tensor
Tensors: TypeAlias = dict[str, Tensor]


class State(NamedTuple):
    """Trained weights (n_weights,); slots (n_slots, n_weights), or by name where the solver
    is a joint one; arrays that are not trained.
    """

    weights: Tensor
    optimizer_state: Any
    frozen: Tensors

    def copy(self) -> "State":
        """A state to work in; frozen arrays are replaced, never written to."""
        optimizer_state = self.optimizer_state
        copied = (
            optimizer_state.clone()
            if isinstance(optimizer_state, torch.Tensor)
            else dict(optimizer_state)
        )
        return State(self.weights.clone(), copied, dict(self.frozen))


class Layout:
    """Where each trained array lies: those under the L2 penalty first, so it is a slice."""

    def __init__(self, network: Network, device: torch.device) -> None:
        trained = [name for name in network.arrays if name not in network.frozen]
        names = sorted(trained, key=lambda name: name not in network.decayed)
        sizes = [network.arrays[name].size for name in names]
        ends = np.cumsum(sizes).tolist()
        self.shapes = {name: network.arrays[name].shape for name in names}
        self.slices = {
            name: slice(end - size, end) for name, size, end in zip(names, sizes, ends, strict=True)
        }
        self.size: int = ends[-1]
        self.decayed = sum(s.stop - s.start for n, s in self.slices.items() if n in network.decayed)
        self.frozen = {name: network.arrays[name].dtype for name in network.frozen}
        self.dtype = network.arrays[names[0]].dtype
        self.device = device

    def views(self, flat: Tensor) -> Tensors:
        """The named arrays as views of a tensor (n_weights,)."""
        return {name: flat[s].view(self.shapes[name]) for name, s in self.slices.items()}

    def flat(self, arrays: Arrays, key: Callable[[str], str] = str) -> Tensor:
        """A tensor (n_weights,) with copies of ``arrays[key(name)]``, zeros where none is."""
        buffer = np.zeros(self.size, self.dtype)
        for name, s in self.slices.items():
            if key(name) in arrays:
                buffer[s] = arrays[key(name)].ravel()
        return self.tensor(buffer)

    def tensor(self, array: Array) -> Tensor:
        """The array on the device, without a copy where that is the CPU."""
        return torch.from_numpy(array).to(self.device)

    def start(self, arrays: Arrays, solver: Solver) -> State:
        """A state with these weights, and with slots where they are given."""
        frozen = {
            name: self.tensor(np.array(arrays[name], dtype)) for name, dtype in self.frozen.items()
        }
        optimizer_state: Any
        if solver.joint is not None:
            first = solver.joint.start({name: arrays[name] for name in self.slices})
            given = {key: np.array(arrays.get(key, a), a.dtype) for key, a in first.items()}
            optimizer_state = {key: self.tensor(a) for key, a in given.items()}
        else:
            each = [
                self.flat(arrays, partial(optimizer_state_name, slot))
                for slot in solver.optimizer_state
            ]
            optimizer_state = torch.stack(each) if each else torch.zeros((0, self.size))
        return State(self.flat(arrays), optimizer_state, frozen)

    def arrays(self, state: State) -> Arrays:
        """The weights in NumPy."""
        return pulled({**self.views(state.weights), **state.frozen})

    def optimizer_state(self, state: State, solver: Solver) -> Arrays:
        """The solver's slots in NumPy, under `slot_name`, or a joint solver's own names."""
        if solver.joint is not None:
            return pulled(state.optimizer_state)
        found: Tensors = {}
        for slot, flat in zip(solver.optimizer_state, state.optimizer_state, strict=True):
            found |= {
                optimizer_state_name(slot, name): view for name, view in self.views(flat).items()
            }
        return pulled(found)


def pulled(tensors: Mapping[str, Tensor]) -> Arrays:
    """Writable NumPy copies."""
    return {name: np.array(t.detach().cpu().numpy()) for name, t in tensors.items()}
