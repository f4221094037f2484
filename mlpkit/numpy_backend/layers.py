"""The layers of a dense network as lists of arrays, in the form of scikit-learn's attributes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpkit.numpy_backend import dense
from mlpkit.plugin import Array, Arrays


class DenseLayers(NamedTuple):
    """Weights and biases of each layer: ``coefs_`` and ``intercepts_`` of an estimator."""

    coefs: Sequence[Array]
    intercepts: Sequence[Array]

    @classmethod
    def of(cls, arrays: Arrays) -> "DenseLayers":
        """Return the layers of the named weights, without copying the arrays."""
        return cls(*dense.layers(arrays))

    def arrays(self, dtype: str) -> Arrays:
        """Return the weights by name, converted to a dtype."""
        return dense.named(self.coefs, self.intercepts, dtype)

    def outputs(self, X: Any, activation: str | Sequence[str], out_activation: str) -> Array:
        """Return the activated outputs, of shape (n_samples, n_outputs)."""
        n_hidden = len(self.coefs) - 1
        activations = (activation,) * n_hidden if isinstance(activation, str) else activation
        return dense.predict(X, self.coefs, self.intercepts, activations, out_activation)

    @property
    def units(self) -> tuple[int, ...]:
        """Number of units of each layer, input and output included."""
        return (np.shape(self.coefs[0])[0], *(np.shape(coef)[1] for coef in self.coefs))
