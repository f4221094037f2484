"""The builder "realmlp": a dense network with the initialization and layers of RealMLP."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

import numpy as np

from mlpkit.plugin import Activation, Arrays, Namespace, Network, Spec, StepContext, dropout
from mlpkit_tabular.networks.activations import activated
from mlpkit_tabular.networks.data_driven import DataDriven
from mlpkit_tabular.networks.drawing import InitialWeights
from mlpkit_tabular.networks.inputs import Inputs, inputs_of
from mlpkit_tabular.networks.options import boolean, integer, number, one_of


def realmlp(
    spec: Spec,
    rng: np.random.RandomState,
    *,
    embedding: str = "periodic",
    embedding_options: Mapping[str, Any] | None = None,
    category_size: int = 8,
    embedded: Sequence[int] | None = None,
    activation: str | None = None,
    front_scale: bool = True,
    front_scale_rate: float = 6.0,
    embedding_rate: float = 0.1,
    activation_rate: float = 0.1,
    bias_rate: float = 0.1,
) -> Network:
    """Build RealMLP [1]_.

    The hidden layers are those of the estimator: `hidden_layer_sizes` and `dropout`. In the
    published defaults, they are (256, 256, 256) and 0.15, and AdamW trains with a learning rate
    of 0.04 for classification and 0.2 for standardized targets of regression.

    Parameters
    ----------
    spec : Spec
        The specification of the network. Its sample determines the scales of the initial weights
        and the initial biases.
    rng : RandomState
        Generator of the initial weights.
    embedding : {"periodic", "piecewise_linear", "none"}, default="periodic"
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
    activation : str or None, default=None
        Activation function, of which each unit learns how much it applies. None means the one of
        the estimator, but "selu" for classification and "mish" for regression, as published, if
        that is "relu", the default.
    front_scale : bool, default=True
        Whether a factor of each input, 1 at first, is trained.
    front_scale_rate, embedding_rate, activation_rate, bias_rate : float
        Factors of the learning rate: of these factors (default=6.0), the embedding of numbers
        (default=0.1), the activation functions (default=0.1) and the biases (default=0.1).

    Returns
    -------
    Network

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs
       and Boosted Trees on Tabular Data", 2024.

    Examples
    --------
    >>> from mlpkit.testing.cases import spec
    >>> network = realmlp(spec(), np.random.RandomState(0))
    >>> network.arrays["weights_0"].shape, network.xp_apply.activations
    ((20, 7), ('selu', 'selu'))
    """
    integer("category_size", category_size)
    if activation is not None:
        one_of("activation", activation, get_args(Activation))
    boolean("front_scale", front_scale)
    rates = {
        "front_scale_rate": front_scale_rate,
        "embedding_rate": embedding_rate,
        "activation_rate": activation_rate,
        "bias_rate": bias_rate,
    }
    for option, rate in rates.items():
        number(option, rate)
    inputs = inputs_of(spec, embedding, embedding_options, category_size, embedded)
    structure = RealMLP(inputs, _activations(spec, activation), spec.dropouts, front_scale)
    arrays = structure.arrays(spec, InitialWeights(spec, rng))
    trained = arrays.keys() - inputs.frozen
    return Network(
        arrays,
        xp_apply=structure,
        decayed=frozenset(name for name in trained if "weights" in name or name == "categories"),
        frozen=inputs.frozen,
        n_models=spec.n_models,
        learning_rate_factors=_learning_rate_factors(trained, rates),
        weight_decay_factors={
            name: 0.0 if name.startswith("biases_") or name in inputs.not_decayed else 1.0
            for name in sorted(trained)
        },
        has_dropout=True,
        options=inputs.options,
    )


def _learning_rate_factors(trained: Iterable[str], rates: Mapping[str, float]) -> dict[str, float]:
    """Return the factors of the learning rate of trained arrays, by name, from the options.

    The weights of the layers and the embeddings of categories have none.
    """
    options = {
        "weights_": None,
        "categories": None,
        "biases_": "bias_rate",
        "slopes_": "activation_rate",
        "scale": "front_scale_rate",
    }
    factors = {}
    for name in sorted(trained):
        of_prefix = (option for prefix, option in options.items() if name.startswith(prefix))
        option = next(of_prefix, "embedding_rate")
        if option is not None:
            factors[name] = float(rates[option])
    return factors


def _activations(spec: Spec, activation: str | None) -> tuple[str, ...]:
    """Return the activation function of each hidden layer."""
    if activation is not None:
        return (activation,) * len(spec.hidden_layer_sizes)
    if set(spec.activations) <= {"relu"}:
        published = "mish" if spec.task == "regression" else "selu"
        return (published,) * len(spec.hidden_layer_sizes)
    return spec.activations


@dataclass(frozen=True)
class RealMLP:
    """The forward pass: x (..., n, n_features) -> (..., n, n_outputs)."""

    inputs: Inputs
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    front_scale: bool

    def arrays(self, spec: Spec, initial: InitialWeights) -> Arrays:
        """Return the initial arrays.

        The pre-activations of the sample have the standard deviation 1, and each bias is minus a
        random average of five of them, so that each unit changes where the rows are.
        """
        arrays = self.inputs.arrays(spec, initial)
        sizes = (self.inputs.width, *spec.hidden_layer_sizes, spec.n_outputs)
        if self.front_scale:
            arrays["scale"] = initial.constant(1.0, sizes[0])
        sample = DataDriven(spec, initial)
        h = sample.rows(lambda xp, x: self.inputs(xp, arrays, x))
        for i, (n, m) in enumerate(pairwise(sizes)):
            weights, biases, z = sample.layer(h, n, m)
            arrays |= {f"weights_{i}": weights, f"biases_{i}": biases}
            if i < len(self.activations):
                arrays[f"slopes_{i}"] = initial.constant(1.0, m)
                h = sample.activated(self.activations[i], z)
        return arrays

    def __call__(
        self, xp: Namespace, arrays: Any, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Any]:
        """Return the outputs, and no frozen arrays."""
        h = self.inputs(xp, arrays, x)
        if self.front_scale:
            h = h * arrays["scale"][..., None, :]
        depth = len(self.activations)
        for i in range(depth + 1):
            # the weights are of the order of 1, whatever the number of inputs
            weights = arrays[f"weights_{i}"] * h.shape[-1] ** -0.5
            h = xp.matmul(h, weights) + arrays[f"biases_{i}"][..., None, :]
            if i < depth:
                change = activated(xp, self.activations[i], h) - h
                h = h + arrays[f"slopes_{i}"][..., None, :] * change
                h = dropout(xp, h, step, i, self.dropouts[i])
        return h, {}
