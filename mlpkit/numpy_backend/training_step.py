"""A step of training: the outputs and the gradients of its rows, and the update of the weights."""

from contextlib import nullcontext
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import OneThread, WeightLayout
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.backpropagation import MAX_SUMMED, RowPass, StepPass, WeightArrays
from mlpkit.numpy_backend.buffers import Buffers
from mlpkit.numpy_backend.hidden_layer import RowSeed
from mlpkit.numpy_backend.products import SparseProduct
from mlpkit.numpy_backend.shared_work import share
from mlpkit.numpy_backend.solver_step import Block, SolverStep, StepSize, TrainingState
from mlpkit.plugin import Array, Dataset, Spec

MAX_KEPT = 4  # numbers of rows in a step whose passes are kept
KEPT_BYTES = 1 << 22  # larger arrays are not kept for the next epoch

RowPart = tuple[RowPass, Dataset, Array, Any]  # a pass, its rows, their outputs, and the scale


class TrainingStep:
    """Steps of up to n rows, on a state that they change in place.

    Parameters
    ----------
    spec : Spec
    solver_step : SolverStep
    state : TrainingState
    n : int

    Attributes
    ----------
    mean : ndarray of shape (n_weights,)
        The mean gradient.
    one_thread : context manager
        Limits BLAS to one thread, unless it uses only one for products of this size.
    """

    def __init__(self, spec: Spec, solver_step: SolverStep, state: TrainingState, n: int) -> None:
        self.spec, self.solver_step, self.state, self.n = spec, solver_step, state, n
        self.weights = WeightArrays.of(solver_step.layout, state.weights)
        self.mean = self.weights.gradients[0][0]
        # a joint solver may multiply larger matrices than those of the layers
        is_small = not solver_step.needs_all and len(self.mean) <= dense.SMALL_VECTOR
        is_small = is_small and dense.is_small(n, self.weights.layers.coefs)
        self.one_thread = nullcontext() if is_small else OneThread()
        self.buffers = Buffers.of(spec, n)
        self._buffer_bytes = self.buffers.nbytes
        self._passes: dict[int, StepPass] = {}
        self._blocks: dict[tuple[int, bool], list[list[Block]]] = {}

    @property
    def nbytes(self) -> int:
        """Size of the arrays that steps use besides the state."""
        return self._buffer_bytes + len(self.weights.gradients) * self.mean.nbytes

    def load(self, state: TrainingState) -> None:
        """Copy a state."""
        own, self.state.weights[...] = self.state.optimizer_state, state.weights
        if isinstance(own, dict):
            self.state = self.state._replace(optimizer_state=state.optimizer_state.copy())
        else:
            own[...] = state.optimizer_state

    def __call__(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None, size: StepSize
    ) -> float:
        """Train on the rows, and write their activated outputs into p (n, n_outputs).

        The gradients are summed over the rows and divided. Returns the L2 penalty of the weights
        before the step.
        """
        step, solver_step = self._pass(len(rows.y)), self.solver_step
        if solver_step.needs_all:
            penalty = solver_step.penalty(self.state.weights)
            self.write_gradients(rows, p, divisor, row_seed)
            solver_step.update_all(self.state, self.mean, size)
            return penalty
        blocks = self._blocks_of(step, size.weight_decay > 0)
        if step.adds_gradients:
            self.write_gradients(rows, p, divisor, row_seed)
            return solver_step.penalty_of(solver_step.update(blocks[0], size))
        self.write_outputs(rows, p, divisor, row_seed)
        X, squares = _first_factor(rows, step), [0.0] * len(blocks)

        def work(i: int) -> None:
            step.write_gradients(step.weight_parts[i], X)
            squares[i] = solver_step.update(blocks[i], size)

        share(work, range(len(blocks)))
        return solver_step.penalty_of(sum(squares))

    def write_gradients(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None
    ) -> None:
        """Compute the outputs p and the gradients of the weights."""
        step = self._pass(len(rows.y))
        if not step.adds_gradients:
            self.write_outputs(rows, p, divisor, row_seed)
            X = _first_factor(rows, step)
            share(lambda part: step.write_gradients(part, X), step.weight_parts)
            return

        def work(part: RowPart) -> None:
            row_pass, its_rows, its_p, scale = part
            row_pass.write_deltas(its_rows, its_p, scale, row_seed)
            row_pass.write_gradients(its_rows.X)

        share(work, _row_parts(step, rows, p, divisor))
        for flat, _ in step.gradients[1:]:
            np.add(self.mean, flat, out=self.mean)

    def write_outputs(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None
    ) -> None:
        """Compute the outputs p and, unless the divisor is 0, the deltas of all layers."""
        parts = _row_parts(self._pass(len(rows.y)), rows, p, divisor)
        share(lambda part: part[0].write_deltas(*part[1:], row_seed), parts)

    def _pass(self, n: int) -> StepPass:
        """Return the pass of a step of n rows."""
        if n not in self._passes:
            if len(self._passes) == MAX_KEPT:
                self._passes.clear()
                self._blocks.clear()
            self._passes[n] = StepPass(self.spec, self.weights, self.buffers.rows(0, n))
        return self._passes[n]

    def _blocks_of(self, step: StepPass, with_decay: bool) -> list[list[Block]]:
        """Return the blocks of the parts of the weights that are updated one by one."""
        key = len(step.buffers.ones), with_decay
        if key not in self._blocks:
            whole = [slice(0, len(self.mean))]
            places = whole if step.adds_gradients else [part.place for part in step.weight_parts]
            self._blocks[key] = [
                list(self.solver_step.blocks(self.state, self.mean, place, with_decay))
                for place in places
            ]
        return self._blocks[key]


class KeptStep:
    """A `TrainingStep` that is kept from one epoch to the next if its arrays are small."""

    def __init__(self, spec: Spec, solver_step: SolverStep) -> None:
        self.spec, self.solver_step = spec, solver_step
        self._kept: list[TrainingStep] = []

    def take(self, state: TrainingState, n: int, changes_state: bool) -> TrainingStep:
        """Return steps of up to n rows for this caller alone, on a copy of the state.

        If they will not change the state, steps that are too large to be kept have no copy.
        """
        try:
            kept = self._kept.pop()  # of two threads, one raises IndexError
            if kept.n == n:
                kept.load(state)
                return kept
        except IndexError:
            pass
        is_copied = changes_state or self._is_small(self.solver_step.layout)
        state = state.copy() if is_copied else state
        return TrainingStep(self.spec, self.solver_step, state, n)

    def give(self, step: TrainingStep) -> bool:
        """Keep the steps for the next caller. Return whether they are kept."""
        is_kept = self._is_small(step.weights.layout) and step.nbytes <= KEPT_BYTES
        if is_kept:
            self._kept[:] = [step]
        return is_kept

    @staticmethod
    def _is_small(layout: WeightLayout) -> bool:
        return layout.size <= MAX_SUMMED


def _row_parts(step: StepPass, rows: Dataset, p: Array, divisor: float) -> list[RowPart]:
    """Return what each part of the rows needs for its deltas."""
    X, y, w = rows[:3]
    scale = None if not divisor else 1 / divisor if w is None else w[:, None] / divisor
    if len(step.row_parts) == 1:
        return [(step.row_parts[0], rows, p, scale)]
    return [
        (part, Dataset(X[s], y[s]), p[s], scale[s] if isinstance(scale, np.ndarray) else scale)
        for part in step.row_parts
        for s in [part.place]
    ]


def _first_factor(rows: Dataset, step: StepPass) -> Any:
    """Return the first factor of the rows in products with deltas."""
    return SparseProduct(rows.X, step.buffers.deltas[0]) if issparse(rows.X) else rows.X
