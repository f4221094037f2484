"""Matrix products of arrays with axes of rows, members and models."""

import math
from collections.abc import Callable
from typing import Any


def large_matmul(
    reshape: Callable[[Any, Any], Any], product: Callable[[Any, Any], Any], x: Any, y: Any
) -> Any:
    """Return a matrix product with few large matrices in place of many small ones.

    If rows or members have common weights, the axes of x before the last are one axis. On a CPU
    this takes two thirds of the time.

    Parameters
    ----------
    reshape : callable
        ``reshape(x, shape)`` of the backend.
    product : callable
        ``product(x, y)``, the matrix product of the backend.
    x, y : array
        Arrays with two or more axes; those before the last two are broadcast.

    Returns
    -------
    array
        ``product(x, y)``.

    Examples
    --------
    >>> import numpy as np
    >>> large_matmul(np.reshape, np.matmul, np.ones((5, 8, 3)), np.ones((3, 2))).shape
    (5, 8, 2)
    """
    if y.ndim == 2 and x.ndim > 2:
        rows = tuple(x.shape[:-1])
        flat = product(reshape(x, (math.prod(rows), x.shape[-1])), y)
        return reshape(flat, (*rows, y.shape[-1]))
    if x.ndim == y.ndim > 3 and y.shape[-3] == 1 and x.shape[:-3] == y.shape[:-3]:
        *models, members, n, width = x.shape
        weights = reshape(y, (*models, *y.shape[-2:]))
        merged = product(reshape(x, (*models, members * n, width)), weights)
        return reshape(merged, (*models, members, n, y.shape[-1]))
    return product(x, y)
