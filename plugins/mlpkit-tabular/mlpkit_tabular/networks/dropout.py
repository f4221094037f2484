"""Dropout of the units of hidden layers, of which members have their own masks."""

from typing import Any

from mlpkit.plugin import Namespace, StepContext, dropout


def member_dropout(xp: Namespace, x: Any, step: StepContext | None, layer: int, rate: float) -> Any:
    """Set some units of each row of each member to 0 in a training step, and scale the others.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    x : array of shape (..., n_members, n, n_units)
        Activations.
    step : StepContext or None
        The training step.
    layer : int
        Index of the layer, so that layers have different masks.
    rate : float
        The fraction of the units that is dropped, before the factor of the step.

    Returns
    -------
    array of the shape of x
    """
    if step is None or not rate:
        return x
    # each row of a member is a row of its own, so the axes keep their order
    n_members, dtype = x.shape[-3], step.ids.dtype
    members = xp.astype(xp.arange(n_members), dtype)[:, None]
    ids = step.ids[..., None, :] * n_members + members
    return dropout(xp, x, step._replace(ids=ids), layer, rate)
