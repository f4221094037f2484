"""The weights of a network in parts, whose gradients and updates are computed independently."""

from itertools import pairwise
from math import log10
from typing import NamedTuple

from mlpkit.backend_kit.weights import WeightLayout

DIVIDED_FLOPS = 3e7  # operations that are worth two parts: 0.25 ms; waking a thread takes 0.0125 ms
MAX_PARTS = 16
UPDATE_FLOPS = 128  # operations of a matrix product that take as long as the update of a weight
ROWS = 32  # a matrix product is faster if its number of rows is a multiple of this
SNAP = 0.1  # share of a part; a weight matrix is not divided for a shorter piece


def n_parts(flops: float, divided_flops: float | None = None) -> int:
    """Return the number of parts of a computation of a step, a power of two.

    The size of the parts grows with their number. It does not depend on the number of processors,
    so neither do the results.

    Parameters
    ----------
    flops : float
        The number of its operations.
    divided_flops : float, default=None
        The number from which it has two parts. By default, it is so large that a thread can be
        woken for a part.

    Returns
    -------
    int
        At least 1, at most 16.

    Examples
    --------
    >>> n_parts(2e7), n_parts(4e7), n_parts(4e8), n_parts(1e12)
    (1, 2, 4, 16)
    """
    smallest = DIVIDED_FLOPS if divided_flops is None else divided_flops
    if flops < smallest:
        return 1
    return min(2 << int(log10(flops / smallest)), MAX_PARTS)


class WeightPart(NamedTuple):
    """Consecutive weights in the array of a `WeightLayout`.

    Parameters
    ----------
    coefs : tuple of (int, slice)
        The layers of weight matrices, and the rows of each that belong to the part.
    intercepts : tuple of int
        The layers of biases.
    place : slice
        The place of the weights in the array.
    """

    coefs: tuple[tuple[int, slice], ...]
    intercepts: tuple[int, ...]
    place: slice

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.place.stop - self.place.start)


def weight_parts(
    layout: WeightLayout, n_rows: int, divided_flops: float | None = None
) -> list[WeightPart]:
    """Divide the weights of a dense network, whose gradients and updates are then independent.

    Parameters
    ----------
    layout : WeightLayout
        The weights, with the names of dense networks, ``coef_0`` and ``intercept_0`` and so on.
    n_rows : int
        Number of rows of a step.
    divided_flops : float, default=None
        As in `n_parts`.

    Returns
    -------
    list of WeightPart
        The parts, the largest first.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpkit.plugin import Network
    >>> arrays = {"coef_0": np.zeros((300, 500)), "intercept_0": np.zeros(500)}
    >>> for part in weight_parts(WeightLayout(Network(arrays)), n_rows=100):
    ...     print(part.coefs, part.intercepts, part.size)
    ((0, slice(0, 160, None)),) () 80000
    ((0, slice(160, 300, None)),) (0,) 70500
    """
    n = n_parts(layout.size * (2.0 * n_rows + UPDATE_FLOPS), divided_flops)
    ends = sorted({0, layout.size, *(_cut(layout, layout.size * i // n, n) for i in range(1, n))})
    parts = [_part(layout, a, b) for a, b in pairwise(ends)]
    return sorted(parts, key=lambda part: -part.size)


def _cut(layout: WeightLayout, cut: int, n: int) -> int:
    """Return a place near the cut where weights can be divided: the begin of a row of a matrix."""
    for name, place in layout.slices.items():
        if place.start <= cut < place.stop:
            edge: int = min(place.start, place.stop, key=lambda edge: abs(cut - edge))
            shape = layout.shapes[name]
            if abs(cut - edge) <= SNAP * layout.size / n or len(shape) == 1:
                return edge
            step = ROWS * shape[1]
            rounded: int = place.start + round((cut - place.start) / step) * step
            return rounded if rounded < place.stop else int(place.stop)
    return cut


def _part(layout: WeightLayout, begin: int, end: int) -> WeightPart:
    """Return the part that consists of the weights at ``begin`` to ``end``."""
    coefs, intercepts = [], []
    for name, place in layout.slices.items():
        kind, layer = name.rsplit("_", 1)
        if kind == "intercept" and begin <= place.start < end:
            intercepts.append(int(layer))
        if kind == "coef" and max(begin, place.start) < min(end, place.stop):
            width = layout.shapes[name][1]
            rows = slice(
                (max(begin, place.start) - place.start) // width,
                (min(end, place.stop) - place.start) // width,
            )
            coefs.append((int(layer), rows))
    return WeightPart(tuple(coefs), tuple(intercepts), slice(begin, end))
