"""The largest norm of a gradient."""

from collections.abc import Mapping
from typing import Any

from mlpkit.plugin import Namespace


def clipped(
    xp: Namespace, gradients: Mapping[str, Any], max_norm: Any, n_models: int = 0
) -> dict[str, Any]:
    """Return mean gradients that are scaled down if their norm is above `Recipe.max_gradient_norm`.

    Parameters
    ----------
    xp : namespace
        A namespace with ``reshape``, ``matmul``, ``sqrt`` and ``maximum``.
    gradients : dict of array
        Mean gradients of the trained weights, with that of the L2 penalty.
    max_norm : float or array of shape ()
        The largest Euclidean norm over all arrays.
    n_models : int, default=0
        `Network.n_models`. The gradient of each model is scaled by its own norm.

    Returns
    -------
    dict of array

    Examples
    --------
    >>> import numpy as np
    >>> gradients = {"coef_0": np.array([[3.0]]), "intercept_0": np.array([4.0])}
    >>> {name: g.round(6).tolist() for name, g in clipped(np, gradients, 1.0).items()}
    {'coef_0': [[0.6]], 'intercept_0': [0.8]}
    """
    n, squares = max(1, n_models), 0.0
    for name in sorted(gradients):
        g = gradients[name]
        squares = squares + xp.matmul(xp.reshape(g, (n, 1, -1)), xp.reshape(g, (n, -1, 1)))
    scale = max_norm / xp.maximum(xp.sqrt(squares), max_norm)  # (n, 1, 1)

    def scaled(g: Any) -> Any:
        return g * xp.reshape(scale, (n, *[1] * (len(g.shape) - 1)) if n_models else ())

    return {name: scaled(g) for name, g in gradients.items()}
