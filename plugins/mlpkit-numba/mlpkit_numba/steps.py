"""The step functions of the Numba backend.

All weights are in one array, and so are the gradients and each array of the optimizer state. An
epoch copies the state, and makes all steps in the copy in one call of compiled code.
"""

from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import WeightLayout, needs_ids, rows_within, with_weight_decays
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    Recipe,
    Spec,
    Steps,
    StepSums,
    Unsupported,
)
from mlpkit_numba import arguments as a
from mlpkit_numba.loop import Call
from mlpkit_numba.loss_functions import loss_function
from mlpkit_numba.solver_functions import SolverFunction, solver_function
from mlpkit_numba.solver_steps import SolverSteps
from mlpkit_numba.training_rows import TrainingRows, training_rows
from mlpkit_numba.training_state import StatePlaces, TrainingState

MOST_PRODUCTS = 1 << 33  # of a row and a weight in one call, which takes less than a second
KEPT_BYTES = 1 << 20  # largest memory of a call that is kept for the next epoch


def backend(network: Network, spec: Spec, recipe: Recipe) -> Steps:
    """Return the step functions for the dense network.

    Raises Unsupported for what the backend does not declare to support.
    """
    if network.xp_apply is not None:
        raise Unsupported("portable_networks")
    if network.apply is not None:
        raise Unsupported("custom_networks")
    if spec.loss.delta is None:
        raise Unsupported("losses_without_delta")
    if recipe.solver.joint is not None:
        raise Unsupported("joint_solvers")
    f = StepFunctions(network, spec, recipe)
    return Steps(
        f.put, f.start, f.arrays, f.optimizer_state, f.gradient, f.update, f.epoch, f.outputs
    )


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe) -> None:
        self.spec, self.solver, self.alpha = spec, recipe.solver, recipe.alpha
        self.layout, self.max_norm = WeightLayout(network), recipe.max_gradient_norm or 0.0
        self.dtype, self.needs_ids = self.layout.dtype, needs_ids(network, spec)
        activations = spec.activations, spec.dropouts, spec.loss.out_activation
        structure = a.Structure(spec.layer_units, *activations, self.layout)
        self.memory = lru_cache(maxsize=64)(partial(a.memory, structure))
        self.segments: dict[bool, SolverSteps] = {}
        self.calls: list[Call] = []  # that no thread uses at the moment
        self.places = StatePlaces(self.layout, self.solver.optimizer_state)

    @cached_property
    def update_function(self) -> SolverFunction:
        """The compiled update of the solver."""
        return solver_function(self.solver, self.dtype)

    @cached_property
    def loss_address(self) -> int:
        """The address of the compiled loss."""
        return loss_function(self.spec.loss, self.dtype, self.spec.n_outputs).address

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> TrainingRows:
        """Return the rows of X (n, n_features), y (n, n_outputs), w (n,) and ids (n,)."""
        return training_rows(X, y, w, self.spec.dtype, ids if self.needs_ids else None)

    def start(self, arrays: Arrays) -> TrainingState:
        """Copy the weights and the optimizer state."""
        return self.places.state(arrays)

    def arrays(self, state: TrainingState) -> Arrays:
        """Return copies of the weights."""
        return self.places.weights(state)

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Return copies of the optimizer state."""
        return self.places.optimizer_state(state)

    def gradient(
        self,
        state: TrainingState,
        rows: TrainingRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        n = rows.n_rows if indices is None else len(indices)
        call = self._call(a.GRADIENT, state, n, rows)
        gradients = np.zeros(self.layout.size, self.dtype)
        call.set(a.GRADIENTS, gradients)
        if indices is not None:
            call.set(a.ORDER, np.ascontiguousarray(indices, np.int64))
        self._set_dropout(call, np.array([seed], np.uint32), np.array([dropout_factor]))
        call.run(self._flops(n))
        loss, weight, penalty = call.numbers[a.N_NUMBERS :][: a.N_SUMS]
        return StepSums(loss, weight, penalty), self.layout.views(gradients)

    def update(
        self,
        state: TrainingState,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        """Make one solver step with sums of gradients."""
        state = state.copy()
        decay = self.solver.weight_decay if weight_decay is None else weight_decay
        if weight > 0:
            call = self._call(a.STEP, state, 1)
            call.set(a.GRADIENTS, self.layout.filled(gradients) / self.dtype.type(weight))
            call.numbers[a.WEIGHT] = weight
            decays = np.array([decay]) if decay > 0 else None
            self._set_solver(call, np.array([learning_rate]), decays)
            call.run()
        return state

    def epoch(
        self, state: TrainingState, rows: TrainingRows, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        state = state.copy()
        n_steps, batch_size = batches.order.shape
        call, sums = self._call(a.EPOCH, state, batch_size, rows), np.zeros((3, n_steps))
        call.allocate(a.GRADIENTS, self.layout.size, self.spec.dtype)
        call.set(a.ORDER, np.ascontiguousarray(batches.order, np.int64)).set(a.SUMS, sums)
        decays = with_weight_decays(batches, self.solver).weight_decays
        self._set_solver(call, batches.learning_rates, decays)
        self._set_dropout(call, batches.seeds, batches.dropout_factors)
        predictions = None
        if batches.with_predictions:
            shape = (n_steps, batch_size, self.spec.n_outputs)
            predictions = np.zeros(shape, self.dtype)
            call.set(a.PREDICTIONS, predictions)
        for begin in range(0, n_steps, self._steps_of_a_call(batch_size)):
            end = min(begin + self._steps_of_a_call(batch_size), n_steps)
            call.integers[a.FIRST_STEP], call.integers[a.END_STEP] = begin, end
            call.run(self._flops((end - begin) * batch_size))
        if call.n_bytes <= KEPT_BYTES:
            call.reset()
            self.calls.append(call)
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        n = X.shape[0]
        z = np.empty((n, self.spec.n_outputs), self.dtype)
        part = n if X.dtype == self.dtype else rows_within(X.shape[1], z.itemsize, n)
        for begin in range(0, n, max(1, part)):
            rows = training_rows(X[begin : begin + part], None, None, self.spec.dtype)
            call = self._call(a.FORWARD, state, rows.n_rows, rows)
            call.set(a.PREDICTIONS, z[begin : begin + part])
            call.run(self._flops(rows.n_rows) / 3)
        return z

    def _flops(self, n_rows: int) -> float:
        """Return the number of operations of the products of all passes of rows."""
        return 6.0 * n_rows * self.layout.size

    def _steps_of_a_call(self, batch_size: int) -> int:
        """Return the number of steps after which Python may react to an interrupt."""
        return max(1, MOST_PRODUCTS // max(1, batch_size * self.layout.size))

    def _call(
        self, mode: int, state: TrainingState, batch_size: int, rows: TrainingRows | None = None
    ) -> Call:
        """Return a call of the loop for steps with this number of rows."""
        memory = self.memory(batch_size, a.SPARSE if rows is None else rows.form)
        call = self._free_call(memory) or Call(memory, self.spec.dtype)
        call.set(a.WEIGHTS, state.numbers)
        call.integers[a.STATE] = call.integers[a.WEIGHTS] + memory.integers[a.GRADIENT_BYTES]
        call.integers[a.MODE], call.integers[a.N_STEPS] = mode, 1
        call.integers[a.BATCH_SIZE] = batch_size
        call.numbers[a.ALPHA], call.numbers[a.MAX_NORM] = self.alpha, self.max_norm
        if rows is not None:
            call.set_rows(rows)
        if mode in (a.EPOCH, a.GRADIENT):
            call.integers[a.LOSS] = self.loss_address
            if memory.n_gradients:
                shape = memory.n_gradients, self.layout.size
                call.allocate(a.PART_GRADIENTS, shape, self.spec.dtype)
        return call

    def _free_call(self, memory: a.Memory) -> Call | None:
        """Take a call with this memory, if there is one. Forget one with other memory."""
        try:
            call = self.calls.pop()
        except IndexError:
            return None
        return call if call.memory is memory else None

    def _set_solver(self, call: Call, learning_rates: Array, decays: Array | None) -> None:
        """Pass what the solver needs in each step."""
        function, with_decay = self.update_function, decays is not None
        steps = self.segments.get(with_decay)
        if steps is None:
            steps = self.segments[with_decay] = SolverSteps(self.layout, with_decay)
        call.integers[a.UPDATE], call.integers[a.N_STEPS] = function.address, len(learning_rates)
        call.integers[a.N_SEGMENTS] = len(steps.segments)
        call.integers[a.N_SCALARS] = function.n_scalars
        call.set(a.SEGMENTS, steps.segments)
        call.set(a.SCALARS, steps.scalars(function, learning_rates))
        if decays is not None:
            call.set(a.DECREASES, steps.decreases(learning_rates, decays).astype(self.dtype))

    def _set_dropout(self, call: Call, seeds: Array, factors: Array | None) -> None:
        """Pass what dropout needs in each step, if there is any."""
        if not any(self.spec.dropouts):
            return
        factors = np.ones(len(seeds)) if factors is None else factors
        rates = factors[:, None] * np.array(self.spec.dropouts)
        thresholds = np.minimum(np.rint(rates * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        call.set(a.SEEDS, np.ascontiguousarray(seeds, np.uint32))
        call.set(a.THRESHOLDS, thresholds)
        call.set(a.FACTORS, (1 / (1 - rates)).astype(self.dtype))
