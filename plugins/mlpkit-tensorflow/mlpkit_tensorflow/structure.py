"""The structure of a network and its solver, by which compiled functions are cached.

Everything else (weights, rows, alpha, learning rates, seeds) is an argument.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf

from mlpkit.backend_kit import (
    Joined,
    JoinedLayout,
    JoinedPart,
    learning_rate_factors,
    slices,
    small_layout,
    weight_decay_factors,
)
from mlpkit.plugin import Apply, Arrays, Joint, Loss, Network, PortableApply, Recipe, Spec

Tensor = Any  # TensorFlow has no complete types
Tensors = dict[str, Tensor]
LARGEST_JOINED = 1 << 12  # elements; with larger ones joined, steps took up to 20 % more time
JOINED = ""  # the name of the array of all small arrays
Shapes = tuple[tuple[str, tuple[int, ...], str], ...]  # name, shape and dtype of arrays


class TrainingState(NamedTuple):
    """Weights by name, and the optimizer state under the keys of `optimizer_state_name` or the
    names of a joint solver. The tensors are never written to.

    Between programs, the small arrays of either dict are one, named `JOINED`.
    """

    weights: Tensors
    optimizer_state: Tensors


class Structure(NamedTuple):
    """What compiled code depends on; equal structures share it."""

    apply: Apply | None
    xp_apply: PortableApply | None
    n_members: int
    n_models: int
    activations: tuple[str, ...]  # of the hidden layers of the dense network
    dropouts: tuple[float, ...]  # of the hidden layers; empty if all are 0
    depth: int
    loss: Loss
    update: Callable[..., Any] | None
    joint: Joint | None
    options: tuple[tuple[str, float], ...]
    moments: tuple[str, ...]  # names of the optimizer state of an elementwise solver
    decayed: frozenset[str]
    frozen: frozenset[str]
    weights: Shapes
    optimizer_state: Shapes
    weight_layout: JoinedLayout
    optimizer_layout: JoinedLayout
    n_features: int
    n_outputs: int
    dtype: Literal["float32", "float64"]
    jit_compile: bool
    device: str | None  # operations are traced for one device
    with_rate_factors: tuple[str, ...]  # weights with a factor of the learning rate
    with_decay_factors: tuple[str, ...]  # weights that decay, if any do
    clips: bool  # whether the norm of gradients is limited

    @property
    def has_ids(self) -> bool:
        """Whether a step needs the ids of its rows."""
        return self.xp_apply is not None or (self.apply is None and bool(self.dropouts))

    @property
    def n_gradients(self) -> int:
        """The length of the array of all gradients."""
        return sum(math.prod(shape) for _, shape, _ in self.weights)

    def divided(self, flat: Any) -> dict[str, Any]:
        """Return the gradients by name, from an array or a tensor of all."""
        arrays, begin = {}, 0
        for name, shape, _ in self.weights:
            end = begin + math.prod(shape)
            part = flat[begin:end]
            arrays[name] = tf.reshape(part, shape) if tf.is_tensor(flat) else part.reshape(shape)
            begin = end
        return arrays

    def tensor(self, *shape: int | None) -> Any:
        """Return the specification of a tensor of this shape in the dtype of the network."""
        return tf.TensorSpec(shape, self.dtype)

    def state(self) -> TrainingState:
        """Return the specification of a training state between programs."""
        return TrainingState(
            self._specs(self.weights, self.weight_layout),
            self._specs(self.optimizer_state, self.optimizer_layout),
        )

    def _specs(self, shapes: Shapes, layout: JoinedLayout) -> Tensors:
        joined = {part.name for part in layout.parts}
        specs = {n: tf.TensorSpec(shape, t) for n, shape, t in shapes if n not in joined}
        return {JOINED: self.tensor(layout.size), **specs} if joined else specs

    def joined(self, state: TrainingState, xp: Any) -> TrainingState:
        """Return a state between programs, by the functions of TensorFlow or NumPy."""
        concatenate = tf.concat if xp is tf else np.concatenate

        def of(arrays: Tensors, layout: JoinedLayout) -> Tensors:
            small, others = layout.joined(arrays, lambda parts: concatenate(parts, 0), xp.reshape)
            return others if small is None else {JOINED: small, **others}

        return TrainingState(
            of(state.weights, self.weight_layout),
            of(state.optimizer_state, self.optimizer_layout),
        )

    def divided_weights(self, weights: Tensors) -> Tensors:
        """Return the weights of a state between programs by name."""
        return self.weight_layout.divided(joined_arrays(weights), _slices)

    def divided_state(self, state: TrainingState) -> TrainingState:
        """Return a state between programs with all arrays by name."""
        optimizer_state = joined_arrays(state.optimizer_state)
        return TrainingState(
            self.divided_weights(state.weights),
            self.optimizer_layout.divided(optimizer_state, _slices),
        )

    def settings(self, decays: bool) -> Tensors:
        """Return the specification of `settings`."""
        specs = {"alpha": self.tensor()}
        if self.with_rate_factors:
            specs["rate_factors"] = self.tensor(len(self.with_rate_factors))
        if decays and self.with_decay_factors:
            specs["decay_factors"] = self.tensor(len(self.with_decay_factors))
        if self.clips:
            specs["max_gradient_norm"] = self.tensor()
        return specs


def structure_of(
    network: Network,
    optimizer_state: Arrays,
    spec: Spec,
    recipe: Recipe,
    jit_compile: bool,
    device: str | None,
) -> Structure:
    """Return the structure of a network whose optimizer state has these shapes."""
    solver = recipe.solver
    return Structure(
        network.apply,
        network.xp_apply,
        network.n_members,
        network.n_models,
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
        small_layout(dict(sorted(network.arrays.items())), spec.dtype, LARGEST_JOINED),
        small_layout(dict(sorted(optimizer_state.items())), spec.dtype, LARGEST_JOINED),
        spec.n_features,
        spec.n_outputs,
        spec.dtype,
        jit_compile,
        device,
        tuple(learning_rate_factors(network)),
        tuple(weight_decay_factors(network)),
        recipe.max_gradient_norm is not None,
    )


def settings(network: Network, recipe: Recipe, dtype: str, decays: bool) -> Arrays:
    """Return values that compiled functions receive as arguments, with or without weight decay.

    The factors have the order of the names in `Structure`.
    """
    rates = list(learning_rate_factors(network).values())
    factors = list(weight_decay_factors(network).values()) if decays else []
    max_norm: Any = [] if recipe.max_gradient_norm is None else recipe.max_gradient_norm
    values = {
        "alpha": recipe.alpha,
        "rate_factors": rates,
        "decay_factors": factors,
        "max_gradient_norm": max_norm,
    }
    arrays = {name: np.array(value, dtype) for name, value in values.items()}
    return {name: array for name, array in arrays.items() if array.size}


def _slices(joined: Tensor, parts: Sequence[JoinedPart]) -> list[Tensor]:
    return slices(joined, parts, tf.reshape)


def joined_arrays(arrays: Tensors) -> Joined:
    """Return the weights or the optimizer state of a state between programs."""
    others = dict(arrays)
    return Joined(others.pop(JOINED, None), others)


def _shapes(arrays: Arrays) -> Shapes:
    return tuple((name, a.shape, a.dtype.name) for name, a in sorted(arrays.items()))
