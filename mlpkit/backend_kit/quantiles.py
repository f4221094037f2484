"""Several quantiles at once, computed from the outputs of a network."""

from collections.abc import Sequence
from typing import Any

from mlpkit.plugin import Namespace


def central(quantiles: Sequence[float]) -> int:
    """Return the index of the quantile nearest to 0.5.

    Parameters
    ----------
    quantiles : sequence of float
        Numbers between 0 and 1.

    Returns
    -------
    int
        Of two that are equally near, the index of the first one.

    Examples
    --------
    >>> central((0.05, 0.5, 0.95))
    1
    """
    return min(range(len(quantiles)), key=lambda i: abs(quantiles[i] - 0.5))


def ascending(xp: Namespace, z: Any, center: int) -> list[Any]:
    """Return the quantiles that the outputs of a network stand for.

    The central one is an output itself; each other quantile is the next one towards it plus or
    minus ``softplus(output) = log(1 + exp(output))``, which is positive.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    z : array of shape (n, n_quantiles)
        Outputs.
    center : int
        The index of the central quantile.

    Returns
    -------
    list of array of shape (n,)
        The quantiles, in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> [float(p[0]) for p in ascending(np, np.array([[0.0, 1.0, 0.0]]), 1)]
    [0.3068528194400547, 1.0, 1.6931471805599454]
    """
    columns = [z[:, j] for j in range(z.shape[1])]
    values: list[Any] = list(columns)
    for j in range(center + 1, len(columns)):
        values[j] = values[j - 1] + softplus(xp, columns[j])
    for j in reversed(range(center)):
        values[j] = values[j + 1] - softplus(xp, columns[j])
    return values


def softplus(xp: Namespace, z: Any) -> Any:
    """Return log(1 + exp(z)), computed alike on all backends.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    z : array
        Numbers.

    Returns
    -------
    array of the shape of z

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np, np.array([0.0, -800.0, 800.0])).round(4).tolist()
    [0.6931, 0.0, 800.0]
    """
    return xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))
