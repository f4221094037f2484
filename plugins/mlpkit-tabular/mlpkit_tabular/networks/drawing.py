"""Initial weights, drawn for one model or for several that are trained as one."""

import numpy as np

from mlpkit.plugin import Array, Spec


class InitialWeights:
    """Draws arrays in the dtype of a spec, with the leading axis of `Spec.n_models` if it has one.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    rng : RandomState
        The generator.

    Examples
    --------
    >>> from mlpkit.testing.cases import spec
    >>> InitialWeights(spec(), np.random.RandomState(0)).signs(2, 3).shape
    (2, 3)
    """

    def __init__(self, spec: Spec, rng: np.random.RandomState) -> None:
        self.leading: tuple[int, ...] = (spec.n_models,) if spec.n_models else ()
        self.dtype, self.rng = spec.dtype, rng

    def uniform(self, bound: float, *shape: int) -> Array:
        """Return numbers between -bound and bound."""
        return self.rng.uniform(-bound, bound, self.leading + shape).astype(self.dtype)

    def normal(self, scale: float, *shape: int) -> Array:
        """Return normally distributed numbers with mean 0."""
        return self.rng.normal(0, scale, self.leading + shape).astype(self.dtype)

    def signs(self, *shape: int) -> Array:
        """Return -1 or 1, each with probability 1/2."""
        return (2 * self.rng.randint(2, size=self.leading + shape) - 1).astype(self.dtype)

    def constant(self, value: float, *shape: int) -> Array:
        """Return equal numbers."""
        return np.full(self.leading + shape, value, self.dtype)

    def same(self, value: Array) -> Array:
        """Return an array that is the same for each model."""
        return np.array(np.broadcast_to(value, self.leading + value.shape), self.dtype)
