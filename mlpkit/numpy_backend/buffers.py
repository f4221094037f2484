"""The arrays that the forward and the backward pass of all steps use."""

from typing import NamedTuple

import numpy as np

from mlpkit.numpy_backend.activations import WITH_SLOPES
from mlpkit.plugin import Array, Spec

Optional = list[Array | None]


class Buffers(NamedTuple):
    """The values of the layers of a dense network for the rows of a step.

    Parameters
    ----------
    values : list of ndarray
        Activated values of each hidden layer, (n, n_units).
    slopes : list of ndarray or None
        Derivatives of the activations that cannot be computed from the value.
    factors : list of ndarray or None
        With dropout, the factors of the values.
    inputs : list of ndarray
        What the layer after each hidden layer receives: the values, or their products with the
        factors.
    deltas : list of ndarray
        Derivatives of the loss with respect to the outputs of each layer before activation.
    ones : ndarray of shape (n,)
    """

    values: list[Array]
    slopes: Optional
    factors: Optional
    inputs: list[Array]
    deltas: list[Array]
    ones: Array

    @classmethod
    def of(cls, spec: Spec, n: int) -> "Buffers":
        """Return arrays for up to n rows."""
        units = spec.layer_units[1:]
        values = [np.empty((n, width), spec.dtype) for width in units[:-1]]
        has_slopes = [name in WITH_SLOPES for name in spec.activations]
        has_factors = [bool(rate) for rate in spec.dropouts]
        return cls(
            values,
            _arrays_like(values, has_slopes),
            factors := _arrays_like(values, has_factors),
            [v if f is None else np.empty_like(v) for v, f in zip(values, factors, strict=True)],
            [np.empty((n, width), spec.dtype) for width in units],
            np.ones(n, spec.dtype),
        )

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        lists = (self.values, self.slopes, self.factors, self.inputs, self.deltas, [self.ones])
        return sum({id(a): a.nbytes for arrays in lists for a in arrays if a is not None}.values())

    def rows(self, begin: int, end: int) -> "Buffers":
        """Return views of consecutive rows."""
        part = slice(begin, end)
        return Buffers(
            [a[part] for a in self.values],
            [a if a is None else a[part] for a in self.slopes],
            [a if a is None else a[part] for a in self.factors],
            [a[part] for a in self.inputs],
            [a[part] for a in self.deltas],
            self.ones[part],
        )


def _arrays_like(arrays: list[Array], wanted: list[bool]) -> Optional:
    return [
        np.empty_like(a) if is_wanted else None for a, is_wanted in zip(arrays, wanted, strict=True)
    ]
