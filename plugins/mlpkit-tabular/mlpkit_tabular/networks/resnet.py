"""The builder "resnet": blocks of hidden layers whose outputs are added to their inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Namespace, Network, Spec, StepContext, dropout
from mlpkit_tabular.networks.activations import activated
from mlpkit_tabular.networks.drawing import InitialWeights
from mlpkit_tabular.networks.inputs import Inputs, inputs_of
from mlpkit_tabular.networks.normalization import KINDS, Normalization
from mlpkit_tabular.networks.options import integer, number, one_of


def resnet(
    spec: Spec,
    rng: np.random.RandomState,
    *,
    width: int = 192,
    normalization: str = "batch",
    residual_dropout: float = 0.0,
    embedding: str = "none",
    embedding_options: Mapping[str, Any] | None = None,
    category_size: int = 8,
    embedded: Sequence[int] | None = None,
) -> Network:
    """Build a residual network for tables [1]_.

    Each hidden layer of the estimator, with its size, activation and dropout, is the inner layer
    of a block: ``h + dropout(linear(dropout(activation(linear(normalization(h))))))``. The
    published defaults are two blocks of 384 units with ReLU and a dropout of 0.15.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    rng : RandomState
        Generator of the initial weights.
    width : int, default=192
        Number of units between blocks.
    normalization : {"batch", "layer", "none"}, default="batch"
        Normalization at the beginning of a block and before the output layer: of each unit over
        the rows of a step, or of the units of each row.
    residual_dropout : float, default=0.0
        Fraction of the outputs of a block that a training step drops.
    embedding : {"none", "piecewise_linear", "periodic"}, default="none"
        How numbers are embedded; see `PiecewiseLinear` and `Periodic`.
    embedding_options : dict or None, default=None
        Options of the embedding: "size", "n_bins", "edges", "linear" and "append" of a
        piecewise-linear one, "size", "n_frequencies", "frequency_scale" and "append" of a
        periodic one.
    category_size : int, default=8
        Length of the embedding of a category.
    embedded : sequence of int or None, default=None
        Indices of the encoded columns of numbers that are embedded. None means those with at least
        three values in the sample of the spec.

    Returns
    -------
    Network

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, V. Khrulkov and A. Babenko, "Revisiting Deep Learning Models
       for Tabular Data", 2021.

    Examples
    --------
    >>> from mlpkit.testing.cases import spec
    >>> network = resnet(spec(), np.random.RandomState(0), width=6)
    >>> [network.arrays[f"weights_{name}"].shape for name in ("in", "0", "out_0", "head")]
    [(5, 6), (6, 7), (7, 6), (6, 3)]
    """
    integer("width", width)
    one_of("normalization", normalization, KINDS)
    number("residual_dropout", residual_dropout, below=1)
    integer("category_size", category_size)
    inputs = inputs_of(spec, embedding, embedding_options, category_size, embedded)
    structure = ResNet(
        inputs,
        int(width),
        Normalization(normalization),
        spec.activations,
        spec.dropouts,
        float(residual_dropout),
    )
    arrays = structure.arrays(spec, InitialWeights(spec, rng))
    frozen = inputs.frozen.union(*map(structure.normalization.frozen, structure.norms))
    kept = {name for name in arrays if name.startswith(("biases", "norm"))} - frozen
    kept |= set(inputs.not_decayed)
    return Network(
        arrays,
        xp_apply=structure,
        decayed=frozenset(arrays) - kept - frozen,
        frozen=frozen,
        n_models=spec.n_models,
        weight_decay_factors=dict.fromkeys(sorted(kept), 0.0),
        has_dropout=True,
        options=inputs.options,
    )


@dataclass(frozen=True)
class ResNet:
    """The forward pass: x (..., n, n_features) -> (..., n, n_outputs)."""

    inputs: Inputs
    width: int
    normalization: Normalization
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    residual_dropout: float

    @property
    def norms(self) -> tuple[str, ...]:
        """Names of the normalizations: one of each block, and one before the output layer."""
        return (*(f"norm_{i}" for i in range(len(self.activations))), "norm_head")

    def arrays(self, spec: Spec, initial: InitialWeights) -> Arrays:
        """Return the initial arrays."""
        arrays = self.inputs.arrays(spec, initial)
        sizes = {"in": (self.inputs.width, self.width)}
        for i, units in enumerate(spec.hidden_layer_sizes):
            sizes |= {f"{i}": (self.width, units), f"out_{i}": (units, self.width)}
        sizes["head"] = (self.width, spec.n_outputs)
        for name, (n, m) in sizes.items():
            arrays[f"weights_{name}"] = initial.uniform(n**-0.5, n, m)
            arrays[f"biases_{name}"] = initial.uniform(n**-0.5, m)
        for name in self.norms:
            arrays |= self.normalization.arrays(initial, name, self.width)
        return arrays

    def __call__(
        self, xp: Namespace, arrays: Any, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Any]:
        """Return the outputs, and new running averages of normalizations over rows."""
        new: dict[str, Any] = {}

        def linear(name: str, z: Any) -> Any:
            return xp.matmul(z, arrays[f"weights_{name}"]) + arrays[f"biases_{name}"][..., None, :]

        def normalized(name: str, z: Any) -> Any:
            z, averages = self.normalization(xp, arrays, name, z, step)
            new.update(averages)
            return z

        depth = len(self.activations)
        h = linear("in", self.inputs(xp, arrays, x))
        for i, activation in enumerate(self.activations):
            z = activated(xp, activation, linear(f"{i}", normalized(f"norm_{i}", h)))
            z = linear(f"out_{i}", dropout(xp, z, step, i, self.dropouts[i]))
            h = h + dropout(xp, z, step, depth + i, self.residual_dropout)
        h = normalized("norm_head", h)
        if depth:
            h = activated(xp, self.activations[-1], h)
        return linear("head", h), new
