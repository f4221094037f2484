"""Steps and outputs of several models that are trained as one.

The rows of a step consist of a part of equal size for each model. The functions work on arrays of
any framework, through the namespace `xp` of the backend.
"""

from collections.abc import Callable
from typing import Any

from mlpkit.plugin import InvalidResult, Namespace


def by_model(xp: Namespace, rows: Any, n_models: int) -> Any:
    """Return the rows of a step with an axis of models, if there are several.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    rows : array of shape (n, ...)
        One part of equal size for each model.
    n_models : int
        `Network.n_models`.

    Returns
    -------
    array of shape (n_models, n / n_models, ...)
        The rows themselves if n_models is 0.

    Examples
    --------
    >>> import numpy as np
    >>> by_model(np, np.arange(6), 2).tolist(), by_model(np, np.arange(2), 0).tolist()
    ([[0, 1, 2], [3, 4, 5]], [0, 1])
    """
    if not n_models:
        return rows
    return xp.reshape(rows, (n_models, rows.shape[0] // n_models, *rows.shape[1:]))


def expanded_like(a: Any, like: Any) -> Any:
    """Return an array with further axes of length 1, so that it broadcasts over another array.

    Parameters
    ----------
    a : array of shape (n,) or ()
        Numbers for each row or each model, such as weights, or one number for all.
    like : array of shape (n, ...)
        The array that it is to be combined with.

    Returns
    -------
    array of shape (n, 1, ..., 1)
        A single number is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> expanded_like(np.ones(3), np.ones((3, 4, 2))).shape
    (3, 1, 1)
    """
    return a[(slice(None), *(None,) * (len(like.shape) - 1))] if len(a.shape) else a


def checked_outputs(xp: Namespace, z: Any, rows: tuple[int, ...], n_members: int = 0) -> Any:
    """Return the outputs of a forward pass without the axis of models.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    z : array
        The outputs that the forward pass returned.
    rows : tuple of int
        The shape of the rows, (n,) or (n_models, n).
    n_members : int, default=0
        `Network.n_members`.

    Returns
    -------
    array of shape (n, n_outputs) or (n, n_members, n_outputs)
        With several models, n counts the rows of all.

    Raises
    ------
    InvalidResult
        If the outputs have another number of axes, rows or members.

    Examples
    --------
    >>> import numpy as np
    >>> checked_outputs(np, np.ones((2, 3, 4, 1)), (2, 3), n_members=4).shape
    (6, 4, 1)
    """
    members = (n_members,) if n_members else ()
    shape = getattr(z, "shape", None)
    if shape is None or tuple(shape[:-1]) != (*rows, *members):
        expected = ", ".join(map(str, (*rows, *members, "n_outputs")))
        got = f"shape {tuple(shape)}" if shape is not None else f"type {type(z).__name__}"
        raise InvalidResult(
            f"its forward pass returned outputs of {got}; expected the shape ({expected}), for"
            f" {n_members or 'no'} members.",
            "builder",
        )
    return z if len(rows) == 1 else xp.reshape(z, (rows[0] * rows[1], *shape[2:]))


def outputs_of_models(xp: Namespace, forward: Callable[[Any], Any], x: Any, n_models: int) -> Any:
    """Return the outputs of all models, in the form of `Steps.outputs`.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    forward : callable
        ``forward(x)``: the outputs (n_models * n, ...) of x (n_models * n, n_features), which has
        one part of equal size for each model.
    x : array of shape (n, n_features) or (n_models, n, n_features)
        Rows for all models, or for each.
    n_models : int
        `Network.n_models`.

    Returns
    -------
    array of shape (n, n_members, n_outputs) or (n_models, n, ...)
        In the first case, the members of all models are counted.

    Examples
    --------
    >>> import numpy as np
    >>> outputs_of_models(np, lambda x: 2 * x, np.ones((3, 1)), n_models=4).shape
    (3, 4, 1)
    >>> outputs_of_models(np, lambda x: 2 * x, np.ones((4, 3, 1)), n_models=4).shape
    (4, 3, 1)
    """
    if not n_models:
        return forward(x)
    *models, n, width = x.shape
    rows = x if models else xp.broadcast_to(x[None], (n_models, n, width))
    z = by_model(xp, forward(xp.reshape(rows, (n_models * n, width))), n_models)
    if models:
        return z
    z = xp.moveaxis(z, 0, 1)
    return z if z.ndim == 3 else xp.reshape(z, (n, n_models * z.shape[2], z.shape[3]))


def unpadded_rows(a: Any, batch_size: int, n_models: int) -> Any:
    """Return the rows of steps without the padding of their fixed shape.

    Parameters
    ----------
    a : ndarray of shape (n_steps, n_padded, ...)
        Values of padded rows, in one part for each model.
    batch_size : int
        Number of rows of a step, of all models.
    n_models : int
        `Network.n_models`.

    Returns
    -------
    ndarray of shape (n_steps, batch_size, ...)

    Examples
    --------
    >>> import numpy as np
    >>> unpadded_rows(np.arange(8)[None], 6, n_models=2).tolist()
    [[0, 1, 2, 4, 5, 6]]
    """
    if not n_models:
        return a[:, :batch_size]
    n_steps, n_padded, *rest = a.shape
    parts = a.reshape((n_steps, n_models, n_padded // n_models, *rest))
    return parts[:, :, : batch_size // n_models].reshape((n_steps, batch_size, *rest))
