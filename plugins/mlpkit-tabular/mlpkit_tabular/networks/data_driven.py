"""Initial weights and biases that depend on a sample of the training rows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpkit import numpy_namespace as xp
from mlpkit.plugin import Array, Spec
from mlpkit_tabular.networks.activations import activated
from mlpkit_tabular.networks.columns import sample_rows
from mlpkit_tabular.networks.drawing import InitialWeights

ROWS = 1000  # rows of the sample with which layers are initialized
N_AVERAGED = 5  # number of pre-activations that are averaged to a bias
LEAST_SCALE = 1e-6  # smallest scale of pre-activations; that of constant inputs is 0


class DataDriven:
    """Draws layers for the rows of the sample of a spec; without a sample, for random rows.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    initial : InitialWeights
        Draws the weights.
    """

    def __init__(self, spec: Spec, initial: InitialWeights) -> None:
        self.initial = initial
        X = sample_rows(spec)
        if X is None or not len(X):
            X = self._random_rows(spec)
        self.X = X[:ROWS]

    def rows(self, inputs: Callable[[Any, Any], Any]) -> Array:
        """Return ``inputs(xp, x)`` of the rows x of the sample, (..., n, width)."""
        return np.asarray(inputs(xp, self.X))

    def activated(self, activation: str, z: Array) -> Array:
        """Return the activations of pre-activations."""
        return np.asarray(activated(xp, activation, z))

    def layer(self, h: Array, n: int, m: int) -> tuple[Array, Array, Array]:
        """Return weights (..., n, m), biases (..., m), and the pre-activations (..., rows, m) of
        the rows h (..., rows, n).
        """
        initial, rng = self.initial, self.initial.rng
        weights = initial.normal(1.0, n, m)
        z = (h @ weights) * n**-0.5
        scale = z.std(axis=-2, keepdims=True)
        scale = np.where(scale > LEAST_SCALE, scale, 1).astype(initial.dtype)
        weights, z = weights / scale, z / scale
        shape = (*initial.leading, N_AVERAGED, m)
        chosen = np.take_along_axis(z, rng.randint(z.shape[-2], size=shape), axis=-2)
        parts = rng.exponential(size=shape)
        parts /= parts.sum(axis=-2, keepdims=True)
        biases = -(parts * chosen).sum(axis=-2).astype(initial.dtype)
        return weights, biases, z + biases[..., None, :]

    def _random_rows(self, spec: Spec) -> Array:
        """Return rows of normally distributed numbers and of random codes of categories."""
        rng = self.initial.rng
        X = rng.standard_normal((ROWS, spec.n_features))
        for i, column in enumerate(spec.columns or ()):
            if column.kind == "category":
                X[:, i] = rng.randint(column.n_levels, size=ROWS)
        return X.astype(spec.dtype)
