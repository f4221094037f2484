"""The builder "tabm": an efficient ensemble of networks that share most of their weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from mlpkit.plugin import Arrays, Namespace, Network, Spec, StepContext
from mlpkit_tabular.networks.activations import activated
from mlpkit_tabular.networks.drawing import InitialWeights
from mlpkit_tabular.networks.dropout import member_dropout
from mlpkit_tabular.networks.inputs import Inputs, inputs_of
from mlpkit_tabular.networks.options import boolean, integer, number, one_of

FORMS = ("full", "mini", "packed")
ADAPTERS = ("signs", "normal")
WIDE = 256  # length of vectors from which it is faster to scale the weights than the rows
FEW_ROWS = 32  # number of rows up to which it is faster to scale the rows, at any length
CATEGORY_SCALE = 0.3  # standard deviation of the initial embeddings of categories


def tabm(
    spec: Spec,
    rng: np.random.RandomState,
    *,
    n_members: int = 8,
    form: str = "mini",
    embedding: str = "piecewise_linear",
    embedding_options: Mapping[str, Any] | None = None,
    category_size: int = 8,
    embedded: Sequence[int] | None = None,
    adapters: str = "signs",
    member_biases: bool = True,
    bias_scale: float = 1.0,
    front_scale: bool = True,
    front_scale_rate: float = 5.0,
) -> Network:
    """Build TabM [1]_: several networks in one, whose predictions are averaged.

    The hidden layers are those of the estimator: `hidden_layer_sizes`, `activation` and
    `dropout`.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    rng : RandomState
        Generator of the initial weights.
    n_members : int, default=8
        Number of members of the ensemble.
    form : {"mini", "full", "packed"}, default="mini"
        What members have of their own, besides the output layer. "mini": factors of the inputs,
        the adapters, and biases. "full": factors of the inputs and outputs of each layer, and
        biases. "packed": all weights, which costs as much as separate networks do.
    embedding : {"piecewise_linear", "periodic", "none"}, default="piecewise_linear"
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
    adapters : {"signs", "normal"}, default="signs"
        Initial factors of the inputs of a member: -1 or 1, or normally distributed. All elements
        of the embedding of a column have the same factor at first. Ignored with the form
        "packed".
    member_biases : bool, default=True
        Whether members have their own biases in the "mini" form, as they do in the others.
    bias_scale : float, default=1.0
        Standard deviation of the initial biases. The larger it is, the more members differ.
    front_scale : bool, default=True
        Whether a factor of each input, 1 at first, is trained.
    front_scale_rate : float, default=5.0
        Factor of the learning rate of these factors.

    Returns
    -------
    Network

    References
    ----------
    .. [1] Y. Gorishniy, A. Kotelnikov and A. Babenko, "TabM: Advancing Tabular Deep Learning with
       Parameter-Efficient Ensembling", 2024.

    Examples
    --------
    >>> from mlpkit.testing.cases import spec
    >>> network = tabm(spec(), np.random.RandomState(0), n_members=4)
    >>> network.n_members, network.arrays["adapters_0"].shape, network.arrays["weights_0"].shape
    (4, (4, 25), (25, 7))
    """
    integer("n_members", n_members)
    one_of("form", form, FORMS)
    integer("category_size", category_size)
    one_of("adapters", adapters, ADAPTERS)
    boolean("member_biases", member_biases)
    number("bias_scale", bias_scale)
    boolean("front_scale", front_scale)
    number("front_scale_rate", front_scale_rate)
    inputs = inputs_of(spec, embedding, embedding_options, category_size, embedded, CATEGORY_SCALE)
    has_biases = member_biases or form != "mini"
    structure = TabM(
        inputs, int(n_members), form, spec.activations, spec.dropouts, front_scale, has_biases
    )
    arrays = structure.arrays(spec, InitialWeights(spec, rng), adapters, bias_scale)
    prefixes = ("adapters", "outputs_", "biases", "scale")
    kept = {name for name in arrays if name.startswith(prefixes)} | set(inputs.not_decayed)
    return Network(
        arrays,
        xp_apply=structure,
        decayed=frozenset(arrays) - kept - inputs.frozen,
        frozen=inputs.frozen,
        n_members=structure.n_members,
        n_models=spec.n_models,
        learning_rate_factors={"scale": float(front_scale_rate)} if front_scale else {},
        weight_decay_factors=dict.fromkeys(sorted(kept), 0.0),
        has_dropout=True,
        options=inputs.options,
    )


@dataclass(frozen=True)
class TabM:
    """The forward pass: x (..., n, n_features) -> (..., n, n_members, n_outputs).

    Hidden units have the shape (..., n_members, n, n_units): for weights that members share, the
    rows of all members are rows of one matrix product.
    """

    inputs: Inputs
    n_members: int
    form: str
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    front_scale: bool
    member_biases: bool

    def arrays(
        self, spec: Spec, initial: InitialWeights, adapters: str, bias_scale: float
    ) -> Arrays:
        """Return the initial arrays."""
        k, inputs = self.n_members, self.inputs
        arrays = inputs.arrays(spec, initial)
        sizes = (inputs.width, *spec.hidden_layer_sizes)
        if self.front_scale:
            arrays["scale"] = initial.constant(1.0, inputs.width)
        if self.form != "packed":
            shape = (k, inputs.n_columns)
            signs = adapters == "signs"
            factors = initial.signs(*shape) if signs else initial.normal(1.0, *shape)
            arrays["adapters_0"] = inputs.spread(factors)
        for i, (n, m) in enumerate(pairwise(sizes)):
            own = (k,) if self.form == "packed" else ()
            # units keep the variance of their inputs, of which an activation removes about half
            arrays[f"weights_{i}"] = initial.normal(((2 if i else 1) / n) ** 0.5, *own, n, m)
            members = (k,) if self.member_biases else ()
            arrays[f"biases_{i}"] = initial.normal(bias_scale, *members, m)
            if self.form == "full":
                arrays[f"outputs_{i}"] = initial.constant(1.0, k, m)
                if i:
                    arrays[f"adapters_{i}"] = initial.constant(1.0, k, n)
        arrays["head_weights"] = initial.constant(0.0, k, sizes[-1], spec.n_outputs)
        arrays["biases_head"] = initial.constant(0.0, k, spec.n_outputs)
        return arrays

    def __call__(
        self, xp: Namespace, arrays: Any, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Any]:
        """Return the outputs of the members, and no frozen arrays."""
        h = self.inputs(xp, arrays, x)
        for i, (activation, rate) in enumerate(zip(self.activations, self.dropouts, strict=True)):
            if i and self.form == "full":
                h = h * arrays[f"adapters_{i}"][..., :, None, :]
            weights = arrays[f"weights_{i}"]
            if i:
                h = self._product(xp, h, weights)
            elif self.form != "packed" and self.inputs.width >= WIDE and not _has_few_rows(h):
                h = self._scaled_product(xp, h, weights, self._factors(arrays))
            else:
                h = self._product(xp, self._members(xp, arrays, h), weights)
            if self.form == "full":
                h = h * arrays[f"outputs_{i}"][..., :, None, :]
            # shared biases (..., m) are those of all members
            members = slice(None) if self.member_biases else None
            h = h + arrays[f"biases_{i}"][..., members, None, :]
            h = member_dropout(xp, activated(xp, activation, h), step, i, rate)
        z = xp.matmul(h, arrays["head_weights"]) + arrays["biases_head"][..., :, None, :]
        return xp.moveaxis(z, -3, -2), {}

    def _factors(self, arrays: Any) -> Any:
        """Return the factors of the inputs of members (..., n_members, width)."""
        factors = arrays["adapters_0"]
        if self.front_scale:  # one product with both
            factors = factors * arrays["scale"][..., None, :]
        return factors

    def _members(self, xp: Namespace, arrays: Any, z: Any) -> Any:
        """Return the inputs of members (..., n_members, n, width) for vectors (..., n, width)."""
        z = z[..., None, :, :]
        if self.form != "packed":
            return z * self._factors(arrays)[..., :, None, :]
        return z * arrays["scale"][..., None, None, :] if self.front_scale else z

    def _scaled_product(self, xp: Namespace, z: Any, weights: Any, factors: Any) -> Any:
        """Return the matrix products of `_product` for vectors z (..., n, width).

        The factors scale the weights instead of the rows: if vectors are long, fewer numbers are
        written.
        """
        by_member = xp.moveaxis(factors, -2, -1)[..., :, :, None] * weights[..., :, None, :]
        leading, (k, m) = by_member.shape[:-3], by_member.shape[-2:]
        product = xp.matmul(z, xp.reshape(by_member, (*leading, -1, k * m)))
        product = xp.reshape(product, (*product.shape[:-1], k, m))
        return xp.moveaxis(product, -2, -3)

    def _product(self, xp: Namespace, h: Any, weights: Any) -> Any:
        """Return the matrix products of members (..., n_members, n, m)."""
        if self.form == "packed":
            return xp.matmul(h, weights)
        leading = h.shape[:-2]
        rows = xp.reshape(h, (*leading[:-1], leading[-1] * h.shape[-2], h.shape[-1]))
        product = xp.matmul(rows, weights)
        return xp.reshape(product, (*leading, h.shape[-2], weights.shape[-1]))


def _has_few_rows(z: Any) -> bool:
    """Return whether vectors (..., n, width) have few rows; not if n is unknown in a graph."""
    n = z.shape[-2]
    return isinstance(n, int) and n <= FEW_ROWS
