"""A step of training: the outputs and the gradients of its rows, and the update of the weights."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import check_deltas
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.backpropagation import RowPass, RowSeed, StepPass
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.numpy_backend.products import SparseProduct
from mlpkit.numpy_backend.shared_work import share
from mlpkit.numpy_backend.solver_step import Block, SolverStep, StepSize, TrainingState
from mlpkit.numpy_backend.workspaces import Workspace
from mlpkit.plugin import Array, Dataset, Loss


class RowPart(NamedTuple):
    """Consecutive rows of a step, their pass, their outputs, and the factors of their deltas."""

    rows: RowPass
    X: Any
    y: Array
    p: Array
    scale: Any


class TrainingStep:
    """The steps of an epoch, on a state that they change in place.

    Parameters
    ----------
    loss : Loss
    solver_step : SolverStep
    workspace : Workspace
        The arrays of the passes, and where the gradients are written.
    state : TrainingState
    with_decay : bool, default=False
        Whether steps may have a weight decay.
    """

    def __init__(
        self,
        loss: Loss,
        solver_step: SolverStep,
        workspace: Workspace,
        state: TrainingState,
        with_decay: bool = False,
    ) -> None:
        self.loss, self.solver_step, self.state = loss, solver_step, state
        self.passes, self.mean, self.gradients = workspace
        self.layers = DenseLayers.of(solver_step.layout.views(state.weights))
        self.with_decay = with_decay
        self._blocks: dict[int, list[list[Block]]] = {}

    def __call__(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None, size: StepSize
    ) -> float:
        """Train on the rows, and write their activated outputs into p (n, n_outputs).

        The gradients are summed over the rows and divided. Returns the L2 penalty of the weights
        before the step.
        """
        step = self.passes.of(len(rows.y))
        if not (step.sums_parts or self.solver_step.needs_all):
            self.write_outputs(rows, p, divisor, row_seed)
            return self._update_in_parts(rows, size)
        penalty = self.solver_step.penalty(self.state.weights)
        self.write_gradients(rows, p, divisor, row_seed)
        self.solver_step.update_all(self.state, self.mean, size)
        return penalty

    def write_gradients(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None
    ) -> None:
        """Compute the outputs p and the gradients of the weights."""
        step = self.passes.of(len(rows.y))
        if not step.sums_parts:
            self.write_outputs(rows, p, divisor, row_seed)
            X = _first_factor(rows, step)
            share(lambda part: step.write_gradients(part, self.gradients, X), step.weight_parts)
            return
        n = len(step.row_parts)
        gradients = [(self.mean, self.gradients), *self.passes.gradients(n - 1)]
        parts = self._row_parts(rows, p, divisor)

        def work(i: int) -> None:
            self._write_deltas(parts[i], row_seed)
            step.row_parts[i].write_gradients(gradients[i][1], parts[i].X)

        share(work, range(n))
        for flat, _ in gradients[1:]:
            np.add(self.mean, flat, out=self.mean)

    def write_outputs(
        self, rows: Dataset, p: Array, divisor: float, row_seed: RowSeed | None
    ) -> None:
        """Compute the outputs p and, unless the divisor is 0, the deltas of all layers."""
        parts = self._row_parts(rows, p, divisor)
        share(lambda part: self._write_deltas(part, row_seed), parts)

    def _row_parts(self, rows: Dataset, p: Array, divisor: float) -> list["RowPart"]:
        X, y, w = rows[:3]
        scale = None if not divisor else 1 / divisor if w is None else w[:, None] / divisor
        step = self.passes.of(len(y))
        if len(step.row_parts) == 1:
            return [RowPart(step.row_parts[0], X, y, p, scale)]
        return [
            RowPart(each, X[s], y[s], p[s], scale[s] if isinstance(scale, np.ndarray) else scale)
            for each in step.row_parts
            for s in [each.place]
        ]

    def _write_deltas(self, part: "RowPart", row_seed: RowSeed | None) -> None:
        rows, X, y, p, scale = part
        rows.forward(self.layers, X, p, row_seed)
        if scale is not None:
            assert self.loss.delta is not None
            delta = check_deltas(self.loss.delta(xp, y, p), p)
            np.multiply(delta, scale, out=rows.buffers.deltas[-1])
            rows.backward(self.layers)

    def _update_in_parts(self, rows: Dataset, size: StepSize) -> float:
        """Compute the gradients of each part of the weights, and update it at once.

        Return the L2 penalty of the weights before the step.
        """
        step = self.passes.of(len(rows.y))
        X = _first_factor(rows, step)
        blocks, squares = self._blocks_of(step), [0.0] * len(step.weight_parts)

        def work(i: int) -> None:
            step.write_gradients(step.weight_parts[i], self.gradients, X)
            squares[i] = self.solver_step.update(blocks[i], size)

        share(work, range(len(blocks)))
        return 0.5 * self.solver_step.alpha * sum(squares)

    def _blocks_of(self, step: StepPass) -> list[list[Block]]:
        n = len(step.buffers.ones)
        if n not in self._blocks:
            self._blocks[n] = [
                list(self.solver_step.blocks(self.state, self.mean, part.place, self.with_decay))
                for part in step.weight_parts
            ]
        return self._blocks[n]


def _first_factor(rows: Dataset, step: StepPass) -> Any:
    """Return the first factor of the rows in products with deltas."""
    return SparseProduct(rows.X, step.buffers.deltas[0]) if issparse(rows.X) else rows.X
