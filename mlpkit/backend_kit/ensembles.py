"""Losses and predictions of a network with members, and steps of several models.

Activated outputs have the shape (n, n_outputs), or (n, n_members, n_outputs) with members. The
functions work on arrays of any framework, through the namespace `xp` of the backend.
"""

import math
from collections.abc import Callable
from typing import Any

from mlpkit.backend_kit.result_checks import check_deltas, check_row_losses
from mlpkit.plugin import InvalidResult, Loss, Namespace


def row_losses(xp: Namespace, loss: Loss, y: Any, p: Any) -> Any:
    """Return the checked loss of each row, the mean of the losses of its members.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    loss : Loss
        The loss.
    y : array of shape (n, n_outputs)
        Targets.
    p : array of shape (n, n_outputs) or (n, n_members, n_outputs)
        Activated outputs.

    Returns
    -------
    array of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> squares = Loss("squares", "identity", lambda xp, y, p: xp.sum((p - y) ** 2, axis=1))
    >>> row_losses(np, squares, np.zeros((1, 1)), np.array([[[1.0], [2.0]]]))
    array([2.5])
    """
    if p.ndim == 2:
        return check_row_losses(loss.rows(xp, y, p), y)
    targets, outputs = _of_members(xp, y, p)
    losses = check_row_losses(loss.rows(xp, targets, outputs), targets)
    return xp.mean(xp.reshape(losses, p.shape[:2]), axis=1)


def deltas(xp: Namespace, loss: Loss, y: Any, p: Any) -> Any:
    """Return the checked derivative of `row_losses` with respect to the outputs before activation.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    loss : Loss
        A loss with a `delta`.
    y : array of shape (n, n_outputs)
        Targets.
    p : array of shape (n, n_outputs) or (n, n_members, n_outputs)
        Activated outputs.

    Returns
    -------
    array of the shape of p

    Examples
    --------
    >>> import numpy as np
    >>> from mlpkit.objectives.losses import LOSSES
    >>> deltas(np, LOSSES["squared_error"], np.zeros((1, 1)), np.array([[[1.0], [2.0]]]))
    array([[[0.5],
            [1. ]]])
    """
    assert loss.delta is not None
    if p.ndim == 2:
        return check_deltas(loss.delta(xp, y, p), p)
    targets, outputs = _of_members(xp, y, p)
    delta = check_deltas(loss.delta(xp, targets, outputs), outputs)
    return xp.reshape(delta / p.shape[1], p.shape)


def mean_of_members(xp: Namespace, p: Any) -> Any:
    """Return the predictions, the mean of the activated outputs of the members.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    p : array of shape (n, n_outputs) or (n, n_members, n_outputs)
        Activated outputs.

    Returns
    -------
    array of shape (n, n_outputs)

    Examples
    --------
    >>> import numpy as np
    >>> mean_of_members(np, np.array([[[1.0], [2.0]]]))
    array([[1.5]])
    """
    return p if p.ndim == 2 else xp.mean(p, axis=1)


def by_row(a: Any, like: Any) -> Any:
    """Return an array of one number for each row, with further axes of length 1.

    Parameters
    ----------
    a : array of shape (n,)
        Numbers, such as weights.
    like : array of shape (n, ...)
        The array that it is to be multiplied by.

    Returns
    -------
    array of shape (n, 1, ..., 1)

    Examples
    --------
    >>> import numpy as np
    >>> by_row(np.ones(3), np.ones((3, 4, 2))).shape
    (3, 1, 1)
    """
    return a[(slice(None), *(None,) * (like.ndim - 1))]


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


def _of_members(xp: Namespace, y: Any, p: Any) -> tuple[Any, Any]:
    """Return the targets and outputs of all members as rows, (n * n_members, n_outputs)."""
    n, k, n_outputs = p.shape
    targets = xp.broadcast_to(y[:, None, :], (n, k, y.shape[1]))
    return xp.reshape(targets, (n * k, y.shape[1])), xp.reshape(p, (n * k, n_outputs))
