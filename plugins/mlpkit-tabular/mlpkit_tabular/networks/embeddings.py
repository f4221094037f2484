"""Embeddings of numbers: each column becomes a few numbers by functions of its own.

An embedding is a frozen dataclass, which is a part of the structure of a network; its arrays are
among those of the network. It maps numbers of shape (..., n, n_numbers) to
(..., n, n_numbers, width).
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from mlpkit.plugin import Arrays, Namespace, Spec
from mlpkit_tabular.networks.bins import bin_edges
from mlpkit_tabular.networks.drawing import InitialWeights

ROUNDED_TO = 8  # numbers of bins


class Embedding(Protocol):
    """What embeddings have in common.

    Attributes
    ----------
    FROZEN, NOT_DECAYED : tuple of str
        Names of the arrays that are not trained, and of the weights without weight decay.
    """

    FROZEN: ClassVar[tuple[str, ...]]
    NOT_DECAYED: ClassVar[tuple[str, ...]]

    @property
    def width(self) -> int:
        """Length of the embedding of one number."""

    def arrays(self, spec: Spec, initial: InitialWeights, numbers: tuple[int, ...]) -> Arrays:
        """Return the initial arrays for the columns with the indices."""

    def __call__(self, xp: Namespace, arrays: Any, x: Any) -> Any:
        """Return the embeddings of x (..., n, n_numbers), (..., n, n_numbers, width)."""


@dataclass(frozen=True)
class PiecewiseLinear:
    """Functions that are linear between the edges of bins [1]_, and x itself.

    A number is encoded by how much of each bin lies below it, from 0 to 1, and this encoding is
    mapped to `size` numbers by weights of each column.

    Parameters
    ----------
    size : int, default=4
        Number of functions of each column.
    n_bins : int, default=48
        Largest number of bins of a column.
    edges : {"tree", "quantile"}, default="tree"
        Where the bins end: at quantiles of the sample, and half of them at the thresholds of a
        decision tree, or all of them at quantiles.
    linear : bool, default=False
        Whether to add linear functions of x, and to begin with these alone, as in version "B" of
        TabM.
    append : bool, default=True
        Whether the embedding contains x itself.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On Embeddings for Numerical Features in
       Tabular Deep Learning", 2022.
    """

    size: int = 4
    n_bins: int = 48
    edges: str = "tree"
    linear: bool = False
    append: bool = True

    FROZEN: ClassVar[tuple[str, ...]] = ("bin_starts", "bin_slopes")
    NOT_DECAYED: ClassVar[tuple[str, ...]] = ("bin_biases",)

    @property
    def width(self) -> int:
        """Length of the embedding of one number."""
        return self.size + self.append

    def arrays(self, spec: Spec, initial: InitialWeights, numbers: tuple[int, ...]) -> Arrays:
        """Return the bins, which are not trained, and the weights.

        Columns have the same number of bins: those with fewer edges are padded with bins whose
        encoding is always 0. This number is rounded up, so that other rows of a table seldom
        change the shapes, for which backends compile.
        """
        edges = bin_edges(spec, numbers, self.n_bins, self.edges == "tree")
        longest = max(map(len, edges)) - 1
        n_bins = min(self.n_bins, -(-longest // ROUNDED_TO) * ROUNDED_TO)
        starts = np.zeros((len(numbers), n_bins), spec.dtype)
        slopes = np.zeros_like(starts)
        for i, edge in enumerate(edges):
            starts[i, : len(edge) - 1] = edge[:-1]
            slopes[i, : len(edge) - 1] = 1 / np.diff(edge)
        shape = (*starts.shape, self.size)
        bound = starts.shape[1] ** -0.5
        arrays = {
            "bin_starts": initial.same(starts),
            "bin_slopes": initial.same(slopes),
            "bin_weights": initial.uniform(0.0 if self.linear else bound, *shape),
            "bin_biases": initial.uniform(bound, len(numbers), self.size),
        }
        if self.linear:
            weights = initial.uniform(self.size**-0.5, len(numbers), self.size)
            arrays["linear_weights"] = weights
        return arrays

    def __call__(self, xp: Namespace, arrays: Any, x: Any) -> Any:
        """Return the embeddings."""
        # with columns before rows, the products are matrix products of each column
        columns = xp.moveaxis(x, -1, -2)[..., None]
        from_start = columns - arrays["bin_starts"][..., None, :]
        encoded = xp.clip(from_start * arrays["bin_slopes"][..., None, :], 0, 1)
        z = xp.moveaxis(xp.matmul(encoded, arrays["bin_weights"]), -3, -2)
        z = z + arrays["bin_biases"][..., None, :, :]
        if self.linear:
            z = z + x[..., None] * arrays["linear_weights"][..., None, :, :]
        return _appended(xp, z, x) if self.append else z


@dataclass(frozen=True)
class Periodic:
    """Cosines of linear functions of x, mapped to fewer numbers, and x itself: "PBLD" [1]_.

    Parameters
    ----------
    size : int, default=3
        Number of functions of each column.
    n_frequencies : int, default=16
        Number of cosines of each column.
    frequency_scale : float, default=0.1
        Standard deviation of the initial frequencies.
    append : bool, default=True
        Whether the embedding contains x itself.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs
       and Boosted Trees on Tabular Data", 2024.
    """

    size: int = 3
    n_frequencies: int = 16
    frequency_scale: float = 0.1
    append: bool = True

    FROZEN: ClassVar[tuple[str, ...]] = ()
    NOT_DECAYED: ClassVar[tuple[str, ...]] = ("phases", "periodic_biases")

    @property
    def width(self) -> int:
        """Length of the embedding of one number."""
        return self.size + self.append

    def arrays(self, spec: Spec, initial: InitialWeights, numbers: tuple[int, ...]) -> Arrays:
        """Return the weights."""
        shape, bound = (len(numbers), self.n_frequencies), self.n_frequencies**-0.5
        return {
            "frequencies": initial.normal(self.frequency_scale, *shape),
            "phases": initial.uniform(math.pi, *shape),
            "periodic_weights": initial.uniform(bound, *shape, self.size),
            "periodic_biases": initial.uniform(bound, len(numbers), self.size),
        }

    def __call__(self, xp: Namespace, arrays: Any, x: Any) -> Any:
        """Return the embeddings."""
        columns = 2 * math.pi * xp.moveaxis(x, -1, -2)[..., None]
        frequencies, phases = arrays["frequencies"], arrays["phases"]
        cosines = xp.cos(columns * frequencies[..., None, :] + phases[..., None, :])
        z = xp.moveaxis(xp.matmul(cosines, arrays["periodic_weights"]), -3, -2)
        z = z + arrays["periodic_biases"][..., None, :, :]
        return _appended(xp, z, x) if self.append else z


@dataclass(frozen=True)
class NoEmbedding:
    """The numbers themselves."""

    width: ClassVar[int] = 1
    FROZEN: ClassVar[tuple[str, ...]] = ()
    NOT_DECAYED: ClassVar[tuple[str, ...]] = ()

    def arrays(self, spec: Spec, initial: InitialWeights, numbers: tuple[int, ...]) -> Arrays:
        """Return no arrays."""
        return {}

    def __call__(self, xp: Namespace, arrays: Any, x: Any) -> Any:
        """Return the numbers with a new axis."""
        return x[..., None]


def _appended(xp: Namespace, z: Any, x: Any) -> Any:
    """Return z (..., n, n_numbers, size) with x (..., n, n_numbers) as its last element."""
    leading = z.shape[:-3]
    x = xp.broadcast_to(x, (*leading, *x.shape[-2:]))
    return xp.concat([z, x[..., None]], axis=-1)
