"""The NumPy backend: the default, and the oracle that every other backend is held to.

All weights lie in one buffer, and so do the gradients and each solver slot; layers are
views of them. An epoch copies the state once and then works in place.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import deltas, moved, row_losses, stepped
from mlpkit.backend_kit.blocks import HostRows, host_rows
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.backpropagation import Chain
from mlpkit.numpy_backend.gathering import chunks
from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    PluginError,
    Recipe,
    Spec,
    Steps,
    StepSums,
    optimizer_state_name,
)
from mlpkit.plugin.capabilities import unsupported

BLOCK_BYTES = 1 << 17  # of each array in a solver update: its temporaries stay in the cache


class State(NamedTuple):
    """Weights (n_weights,), slots (n_slots, n_weights); those of a joint solver are a dict."""

    weights: Array
    optimizer_state: Any


class Layout:
    """Where each named array lies in a buffer: kernels first, so the L2 penalty is a slice."""

    def __init__(self, network: Network) -> None:
        names = sorted(network.arrays, key=lambda name: name not in network.decayed)
        sizes = [network.arrays[name].size for name in names]
        ends = np.cumsum(sizes)
        self.shapes = {name: network.arrays[name].shape for name in names}
        self.slices = {
            name: slice(end - size, end) for name, size, end in zip(names, sizes, ends, strict=True)
        }
        self.size = int(ends[-1])
        self.decayed = int(sum(network.arrays[name].size for name in network.decayed))
        self.dtype = network.arrays[names[0]].dtype

    def views(self, buffer: Array) -> Arrays:
        """The named arrays as views of a buffer."""
        return {name: buffer[s].reshape(self.shapes[name]) for name, s in self.slices.items()}

    def filled(self, arrays: Arrays, key: Callable[[str], str]) -> Array:
        """A buffer with copies of ``arrays[key(name)]``, zeros where there is none."""
        buffer = np.zeros(self.size, self.dtype)
        for name, view in self.views(buffer).items():
            if key(name) in arrays:
                view[...] = arrays[key(name)]
        return buffer


def backend(network: Network, spec: Spec, recipe: Recipe) -> Steps:
    """Steps for the dense network; PluginError for what the component does not declare."""
    if network.apply is not None:
        raise PluginError(unsupported("backend='numpy'", "custom_networks", "the builder"))
    if spec.loss.delta is None:
        loss_name = f"loss {spec.loss.name!r}"
        raise PluginError(unsupported("backend='numpy'", "losses_without_delta", loss_name))
    layout = Layout(network)
    loss, solver, alpha = spec.loss, recipe.solver, recipe.alpha

    def put(X: Any, y: Array, w: Array | None) -> HostRows:
        return host_rows(X, y, w, spec.dtype)

    def start(arrays: Arrays) -> State:
        weights = layout.filled(arrays, str)
        if solver.joint is not None:
            first = solver.joint.start({name: arrays[name] for name in layout.shapes})
            return State(weights, {key: np.array(arrays.get(key, a)) for key, a in first.items()})
        optimizer_state = [
            layout.filled(arrays, partial(optimizer_state_name, slot))
            for slot in solver.optimizer_state
        ]
        return State(weights, np.array(optimizer_state).reshape(len(optimizer_state), layout.size))

    def arrays(state: State) -> Arrays:
        return {name: view.copy() for name, view in layout.views(state.weights).items()}

    def optimizer_state(state: State) -> Arrays:
        if solver.joint is not None:
            return {key: np.array(a) for key, a in state.optimizer_state.items()}
        return {
            optimizer_state_name(slot, name): view.copy()
            for slot, buffer in zip(solver.optimizer_state, state.optimizer_state, strict=True)
            for name, view in layout.views(buffer).items()
        }

    def penalty(weights: Array) -> float:
        decayed = weights[: layout.decayed]
        return 0.5 * alpha * float(decayed @ decayed)

    def advance(state: State, mean: Array, weight: float, learning_rate: float) -> float:
        """One solver step with the mean gradient of rows of this weight, in place and block by
        block; return the penalty at the weights before.
        """
        if solver.joint is not None:
            before = penalty(state.weights)
            mean[: layout.decayed] += alpha / weight * state.weights[: layout.decayed]
            views, mine = layout.views(state.weights), state.optimizer_state
            returned = solver.joint.update(np, views, layout.views(mean), dict(mine), learning_rate)
            new, after = moved(returned, views, mine)
            mine.update({key: _apart(a, [state.weights]) for key, a in after.items()})
            replaced = {
                name: _apart(new[name], [state.weights])
                for name, view in views.items()
                if new[name] is not view  # else the solver worked in place
            }
            for name, array in replaced.items():
                views[name][...] = array
            return before
        assert solver.update is not None
        size, squares = BLOCK_BYTES // layout.dtype.itemsize, 0.0
        for begin in range(0, layout.size, size):
            block = slice(begin, begin + size)
            mine = (state.weights[block], *state.optimizer_state[:, block])
            g, decayed = mean[block], mine[0][: max(0, layout.decayed - begin)]
            squares += float(decayed @ decayed)
            g[: len(decayed)] += alpha / weight * decayed
            returned = solver.update(np, mine[0], g, mine[1:], learning_rate, solver.options)
            p, optimizer_state = stepped(returned, mine[0], mine[1:])
            results = [
                new if new is kept else _apart(new, mine)
                for kept, new in zip(mine, (p, *optimizer_state), strict=True)
            ]
            for kept, new in zip(mine, results, strict=True):
                if new is not kept:  # the solver did not work in place
                    kept[...] = new
        return 0.5 * alpha * squares

    def weight_of(part: HostRows) -> float:
        return float(len(part.y) if part.w is None else part.w.sum())

    def pull(
        chain: Chain, weights: Arrays, gradients: Arrays, part: HostRows, p: Array, by: float
    ) -> None:
        """Write the gradients, summed over rows and divided, from the rows' outputs p."""
        assert loss.delta is not None
        delta = deltas(loss.delta(np, part.y, p), p)
        delta *= 1 / by if part.w is None else part.w[:, None] / by
        chain.backward(weights, gradients, part.X, delta)

    def losses(part: HostRows, p: Array) -> Array:
        found: Array = row_losses(loss.rows(np, part.y, p), part.y)
        if part.w is None:
            return found
        # rows of weight 0 may be infinite
        return np.where(part.w > 0, found, 0) * part.w

    def gradient(
        state: State, rows: HostRows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        part = rows if indices is None else rows.taken(indices[indices >= 0])
        views = layout.views(np.zeros(layout.size, layout.dtype))
        n, p = len(part.y), np.empty_like(part.y)
        value = 0.0
        with OneThread():
            if n:
                chain, weights = Chain(spec, n), layout.views(state.weights)
                drawn = None
                if any(spec.dropouts):
                    drawn = np.arange(n) if indices is None else indices[indices >= 0], seed
                chain.forward(weights, part.X, p, drawn)
                pull(chain, weights, views, part, p, 1.0)
                value = float(losses(part, p).sum())
            return StepSums(value, weight_of(part), penalty(state.weights)), views

    def update(state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        state = State(state.weights.copy(), state.optimizer_state.copy())
        if weight > 0:
            with OneThread():
                advance(state, layout.filled(gradients, str) / weight, weight, learning_rate)
        return state

    def epoch(state: State, rows: HostRows, batches: Batches) -> tuple[State, StepSums]:
        state = State(state.weights.copy(), state.optimizer_state.copy())
        weights = layout.views(state.weights)
        buffer = np.empty(layout.size, layout.dtype)
        gradients = layout.views(buffer)
        steps, batch = batches.order.shape
        chain, sums, learning_rates = (
            Chain(spec, batch),
            np.zeros((3, steps)),
            batches.learning_rates.tolist(),
        )
        drops, drawn = any(spec.dropouts), None
        seen = None
        if batches.with_predictions:
            seen = np.zeros((steps, batch, spec.n_outputs), spec.dtype)
        with OneThread():
            for chunk, parts in chunks(rows, batches.order):
                p = np.empty_like(chunk.y)
                for i, s in parts:
                    part = chunk.part(s)
                    if drops:
                        order = batches.order[i]
                        drawn = order[order >= 0], int(batches.seeds[i])
                    chain.forward(weights, part.X, p[s], drawn)
                    sums[1, i] = weight = weight_of(part)
                    if weight > 0:
                        pull(chain, weights, gradients, part, p[s], weight)
                        sums[2, i] = advance(state, buffer, weight, learning_rates[i])
                    if seen is not None:
                        seen[i, batches.order[i] >= 0] = p[s]
                found = losses(chunk, p)
                for i, s in parts:
                    sums[0, i] = found[s].sum()
        return state, StepSums(sums[0], sums[1], sums[2], seen)

    def outputs(state: State, X: Any) -> Array:
        weights = layout.views(state.weights)
        return dense.predict(X, *dense.layers(weights), spec.activations, "identity")

    return Steps(put, start, arrays, optimizer_state, gradient, update, epoch, outputs)


def _apart(array: Array, buffers: Iterable[Array]) -> Array:
    """The array, or a copy if it lies in one of the buffers, which are about to be overwritten."""
    return array.copy() if any(np.may_share_memory(array, b) for b in buffers) else array
