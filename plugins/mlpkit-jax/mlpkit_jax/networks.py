"""Forward passes: that of the dense network, and those of networks of builders.

All have the same form, ``forward(arrays, x, step)``. The step is a `StepContext`, or None in
prediction. They return the outputs before activation, and a dict with new values of frozen arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from mlpkit.backend_kit import checked_outputs
from mlpkit.plugin import Apply, Network, PortableApply, Spec, StepContext, dropout
from mlpkit_jax import namespace as xp

Tensors: TypeAlias = dict[str, Any]  # arrays of JAX by name, or of NumPy before their first use
Forward: TypeAlias = Callable[[Tensors, Any, StepContext | None], tuple[Any, Tensors]]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "logistic": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,  # its derivative at 0 is 0, as in scikit-learn
    "gelu": xp.gelu,
    "silu": jax.nn.silu,
    "selu": jax.nn.selu,
    "mish": jax.nn.mish,
    "leaky_relu": xp.leaky_relu,
    "softmax": partial(jax.nn.softmax, axis=-1),
    "exp": jnp.exp,
}


NARROW = 32  # outputs of a layer; more are wide
FEW_ROWS = 256  # of a step: a transposed copy of them takes less time than it saves


@jax.custom_vjp
def product_on_cpu(x: Any, weights: Any) -> Any:
    """Return ``x @ weights`` with a gradient of the weights that is faster on a CPU.

    XLA for CPUs multiplies a transposed matrix slowly, above all by a narrow one: ten times slower
    than in the opposite order. The barriers prevent XLA from changing the order.
    """
    return x @ weights


_barrier: Any = lax.optimization_barrier  # without types


def _product(x: Any, weights: Any) -> tuple[Any, tuple[Any, Any]]:
    return x @ weights, (x, weights)


def _gradients_of_product(factors: tuple[Any, Any], delta: Any) -> tuple[Any, Any]:
    x, weights = factors
    if weights.shape[1] <= NARROW:
        return delta @ weights.T, _barrier(delta.T @ x).T
    transposed = _barrier(x.T) if len(x) <= FEW_ROWS else x.T
    return delta @ weights.T, transposed @ delta


product_on_cpu.defvjp(_product, _gradients_of_product)


@dataclass(frozen=True)
class DenseForward:
    """The dense network: x (n, n_features) -> (n, n_outputs)."""

    depth: int
    activations: tuple[str, ...]  # of the hidden layers
    dropouts: tuple[float, ...] = ()  # of the hidden layers; empty if all are 0
    on_cpu: bool = False

    def __call__(
        self, arrays: Tensors, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Tensors]:
        """Return the outputs before activation, and no frozen arrays."""
        for i in range(self.depth):
            if i:
                x = ACTIVATIONS[self.activations[i - 1]](x)
                if step is not None and self.dropouts and self.dropouts[i - 1]:
                    x = dropout(xp, x, step, i - 1, self.dropouts[i - 1])
            weights = arrays[f"coef_{i}"]
            product = jnp.matmul
            if self.on_cpu and (i or weights.shape[1] <= NARROW):
                product = product_on_cpu  # in a wide first layer, the copy takes what it saves
            x = product(x, weights) + arrays[f"intercept_{i}"]
        return x, {}


@dataclass(frozen=True)
class CustomForward:
    """A network with an `apply` that uses JAX."""

    apply: Apply

    def __call__(
        self, arrays: Tensors, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Tensors]:
        """Call the function of the builder."""
        if step is None:
            return self.apply(arrays, x, train=False, seed=jnp.uint32(0), w=None)
        return self.apply(arrays, x, train=True, seed=step.seed, w=step.w)


@dataclass(frozen=True)
class PortableForward:
    """A network with an `xp_apply`; of several models, one at a time."""

    apply: PortableApply
    n_members: int

    def __call__(
        self, arrays: Tensors, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Tensors]:
        """Call the function of the builder."""
        if step is not None:
            step = step._replace(dropout=jnp.asarray(step.dropout, step.w.dtype))
        z, new = self.apply(xp, arrays, x, step)
        return checked_outputs(xp, z, x.shape[:-1], self.n_members), new


def forward_of(network: Network, spec: Spec, on_cpu: bool) -> Forward:
    """Return the forward pass of a network. Those of equal structures are equal."""
    if network.xp_apply is not None:
        return PortableForward(network.xp_apply, network.n_members)
    if network.apply is not None:
        return CustomForward(network.apply)
    dropouts = spec.dropouts if any(spec.dropouts) else ()
    return DenseForward(len(spec.layer_units) - 1, spec.activations, dropouts, on_cpu)
