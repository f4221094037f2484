"""The JAX backend: step functions over weights and slots by name.

An epoch is a few dispatches of one compiled loop over a block of steps, each gathered
while the one before it runs, and one wait for the sums at its end.
"""

from typing import Any

import jax
import numpy as np
from scipy.sparse import issparse

from mlpkit.blocks import bucket
from mlpkit.plugin import Array, Arrays, Batches, Network, Recipe, Spec, Steps, Sums, slot_name
from mlpkit_jax import rows as data
from mlpkit_jax.programs import State, Total, programs, structure
from mlpkit_jax.rows import Rows
from mlpkit_jax.runtime import computing, on_accelerator, pulled

OUTPUT_ROWS = 4096  # of one dispatch
AHEAD = 4  # blocks in flight: enough to hide the gathering, and bounded memory


def backend(network: Network, spec: Spec, recipe: Recipe, *, resident: bool | None = None) -> Steps:
    """Steps for the dense chain, and for an `apply` written in JAX.

    ``resident``, for tests: whether the rows live on the device. None: on an accelerator,
    from `RESIDENT_ROWS` on.
    """
    s = structure(network, spec, recipe)
    run, add, advance, forward = programs(s)
    dtypes = {name: a.dtype for name, a in network.arrays.items()}
    zeros = {name: np.zeros(a.shape, spec.dtype) for name, a in network.arrays.items()}
    keys = {slot_name(slot, name): name for slot in s.slots for name in zeros.keys() - s.frozen}
    scalar = np.dtype(spec.dtype).type
    alpha = scalar(recipe.alpha)

    def put(X: Any, y: Array, w: Array | None) -> Rows:
        with computing(spec.dtype):
            accelerated = on_accelerator(spec.dtype) and len(y) >= data.RESIDENT_ROWS
            return data.put(X, y, w, spec.dtype, accelerated if resident is None else resident)

    def start(arrays: Arrays) -> State:
        weights = {name: np.array(arrays[name], dtype) for name, dtype in dtypes.items()}
        slots = {key: np.array(arrays.get(key, zeros[name])) for key, name in keys.items()}
        return State(weights, slots)

    def gradient(state: State, rows: Rows, indices: Array | None, seed: int) -> tuple[Sums, Arrays]:
        with computing(spec.dtype):
            total, penalty = Total(scalar(0), scalar(0), zeros), 0.0
            every = indices is None
            for block in rows.whole(seed) if every else rows.chosen(indices, recipe.batch_size, seed):
                total, penalty = add(total, state.weights, block, alpha)
            gradients = pulled(total.gradients)
            return Sums(float(total.loss), float(total.weight), float(penalty)), gradients

    def update(state: State, gradients: Arrays, weight: float, rate: float) -> State:
        with computing(spec.dtype):
            return advance(state, gradients, scalar(weight), scalar(rate), alpha)  # type: ignore[no-any-return]

    def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, Sums]:
        with computing(spec.dtype):
            sums, live = [np.zeros((3, 0))], [0]
            for block in rows.blocks(batches, recipe.batch_size):
                jax.block_until_ready(sums[:-AHEAD][-1:])
                state, new = run(state, block, alpha)
                sums.append(new)
                live.append(block.steps)
            found = [each[:, :n] for each, n in zip(jax.device_get(sums), live, strict=True)]
            return state, Sums(*np.concatenate(found, axis=1).astype(float))

    def outputs(state: State, X: Any) -> Array:
        X = X.tocsr() if issparse(X) else np.asarray(X)
        ...

    return Steps(put, start, arrays, slots, gradient, update, epoch, outputs)
