"""Losses and predictions of a network with members.

Activated outputs have the shape (n, n_outputs), or (n, n_members, n_outputs) with members. The
functions work on arrays of any framework, through the namespace `xp` of the backend.
"""

from typing import Any

from mlpkit.backend_kit.result_checks import check_deltas, check_row_losses
from mlpkit.plugin import Loss, Namespace


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


def _of_members(xp: Namespace, y: Any, p: Any) -> tuple[Any, Any]:
    """Return the targets and outputs of all members as rows, (n * n_members, n_outputs)."""
    n, k, n_outputs = p.shape
    targets = xp.broadcast_to(y[:, None, :], (n, k, y.shape[1]))
    return xp.reshape(targets, (n * k, y.shape[1])), xp.reshape(p, (n * k, n_outputs))
