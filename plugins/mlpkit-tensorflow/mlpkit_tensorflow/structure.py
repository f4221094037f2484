"""What compiled functions are kept by: a `Structure`.

All else (weights, rows, alpha, learning rates, seeds) comes in at run time.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import tensorflow as tf

from mlpkit.plugin import Apply, Arrays, Joint, Loss, Network, Recipe, Spec

Tensor = Any  # TensorFlow has no complete types
Tensors = dict[str, Tensor]
Shapes = tuple[tuple[str, tuple[int, ...], str], ...]  # name, shape and dtype of arrays


class State(NamedTuple):
    """Tensors that are never written to: weights by name, solver slots under `slot_name`
    (or, of a joint solver, under names of its own).
    """

    weights: Tensors
    optimizer_state: Tensors


class Structure(NamedTuple):
    """What compiled functions depend on: equal structures share them."""

    apply: Apply | None
    activations: tuple[str, ...]  # of the hidden layers of the dense chain
    dropouts: tuple[float, ...]  # likewise; empty where all are 0
    depth: int
    loss: Loss
    update: Callable[..., Any] | None
    joint: Joint | None
    options: tuple[tuple[str, float], ...]
    slot_names: tuple[str, ...]
    decayed: frozenset[str]
    frozen: frozenset[str]
    weights: Shapes
    optimizer_state: Shapes
    n_features: int
    n_outputs: int
    dtype: Literal["float32", "float64"]
    jit_compile: bool
    device: str | None  # whatever is traced belongs to it

    def tensor(self, *shape: int | None) -> Any:
        """What a compiled function is told about numbers of this shape."""
        return tf.TensorSpec(shape, self.dtype)

    def state(self) -> State:
        """What it is told about a state."""
        return State(
            *(
                {k: tf.TensorSpec(*of) for k, *of in each}
                for each in (self.weights, self.optimizer_state)
            )
        )


def structure_of(
    network: Network,
    optimizer_state: Arrays,
    spec: Spec,
    recipe: Recipe,
    jit_compile: bool,
    device: str | None,
) -> Structure:
    """The structure of a network whose solver has slots like these."""
    solver = recipe.solver
    return Structure(
        network.apply,
        spec.activations,
        spec.dropouts if any(spec.dropouts) else (),
        len(spec.layer_units) - 1,
        spec.loss,
        solver.update,
        solver.joint,
        tuple(sorted(solver.options.items())),
        solver.optimizer_state,
        network.decayed,
        network.frozen,
        _shapes(network.arrays),
        _shapes(optimizer_state),
        spec.n_features,
        spec.n_outputs,
        spec.dtype,
        jit_compile,
        device,
    )


def _shapes(arrays: Arrays) -> Shapes:
    return tuple((name, a.shape, a.dtype.name) for name, a in sorted(arrays.items()))
